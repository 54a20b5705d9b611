package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.util.Arrays;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** The compiled kernels, loaded into a context. */
final class CudaModule implements AutoCloseable {
  private static final String FATBIN = "kernels.fatbin";

  private final CUmodule module = new CUmodule();
  private final Handle handle;

  /**
   * Loads the kernels; called with the context current.
   *
   * @throws BackendUnavailableException if there are none, or none for this device
   */
  CudaModule(CudaContext context) {
    CUmodule loaded = module;
    // JCuda's cuModuleLoadFatBinary never writes the handle back; this takes fatbins just as well.
    int code = JCudaDriver.cuModuleLoadData(loaded, image());
    if (code == CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU
        || code == CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION) {
      throw new BackendUnavailableException(
          "the CUDA kernels are not compiled for this device: "
              + context.describe()
              + "; use a release, which has all from 7.5 on, or build with -Dcoppice.cuda.preset=cuda-release");
    }
    CudaResult.check(code, "cuModuleLoadData");
    this.handle = new Handle(this, "module", () -> context.run(() -> release(loaded)));
  }

  private static void release(CUmodule module) {
    CudaResult.run("cuModuleUnload", () -> JCudaDriver.cuModuleUnload(module));
  }

  /**
   * Looks whether there are kernels, for whatever device.
   *
   * @throws BackendUnavailableException if there are none
   */
  static void require() {
    if (!Emulation.isWanted() && CudaModule.class.getResource(FATBIN) == null) {
      throw none();
    }
  }

  private static BackendUnavailableException none() {
    return new BackendUnavailableException(
        "this build of Coppice has no CUDA kernels: it was made without nvcc; use a release, or build it with CUDA 13's nvcc on the path");
  }

  private static byte[] image() {
    try {
      byte[] image = Emulation.isWanted() ? Files.readAllBytes(Emulation.image()) : fatbin();
      return Arrays.copyOf(image, image.length + 1); // Where it is text, a zero ends it.
    } catch (IOException e) {
      throw new BackendUnavailableException("the CUDA kernels cannot be read: " + e.getMessage());
    }
  }

  private static byte[] fatbin() throws IOException {
    try (InputStream kernels = CudaModule.class.getResourceAsStream(FATBIN)) {
      if (kernels == null) {
        throw none();
      }
      return kernels.readAllBytes();
    }
  }

  /** Gives the kernel of that name. */
  CUfunction function(String name) {
    CUfunction function = new CUfunction();
    CudaResult.check(
        JCudaDriver.cuModuleGetFunction(function, module, name), "cuModuleGetFunction " + name);
    return function;
  }

  @Override
  public void close() {
    handle.close();
  }
}
