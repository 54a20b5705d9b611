package dev.coppice.cuda;

import java.nio.ByteBuffer;
import jcuda.driver.CUstream;
import org.bytedeco.cuda.cublas.cublasContext;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;

/** cuBLAS of CUDA 13 through JavaCPP's preset. */
final class JavaCppCublasCalls implements CublasCalls {
  /** An address of the device, or of an object of CUDA's. */
  private static final class At extends Pointer {
    At(long address) {
      this.address = address;
    }

    At(CublasHandle.Matrix matrix) {
      this(matrix.address());
    }
  }

  private final cublasContext handle = new cublasContext();

  /**
   * Loads the preset and the library.
   *
   * @throws LinkageError if one is missing
   */
  static void load() {
    Loader.load(cublas.class);
    new FloatPointer(1).close(); // Needs JavaCPP's own native library.
  }

  @Override
  public int create() {
    return cublas.cublasCreate_v2(handle);
  }

  @Override
  public int destroy() {
    return cublas.cublasDestroy_v2(handle);
  }

  @Override
  public int setMathMode(int mode) {
    return cublas.cublasSetMathMode(handle, mode);
  }

  @Override
  public int getProperty(int which, int[] value) {
    return cublas.cublasGetProperty(which, value);
  }

  @Override
  public int setStream(CUstream stream) {
    return cublas.cublasSetStream_v2(handle, new CUstream_st(new At(RawStream.handle(stream))));
  }

  @Override
  public int gemm(CublasHandle.Gemm gemm, ByteBuffer scalars) {
    return cublas.cublasGemmEx(
        handle,
        gemm.a().operation(),
        gemm.b().operation(),
        gemm.m(),
        gemm.n(),
        gemm.k(),
        new Pointer(scalars),
        new At(gemm.a()),
        gemm.type(),
        gemm.a().ld(),
        new At(gemm.b()),
        gemm.type(),
        gemm.b().ld(),
        new Pointer(scalars.slice(CublasHandle.BETA, Double.BYTES)),
        new At(gemm.c()),
        gemm.type(),
        gemm.c().ld(),
        gemm.compute(),
        CublasHandle.CUBLAS_GEMM_DEFAULT);
  }
}
