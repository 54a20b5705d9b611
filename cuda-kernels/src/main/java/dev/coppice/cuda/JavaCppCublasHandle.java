package dev.coppice.cuda;

import java.util.function.IntSupplier;
import jcuda.driver.CUstream;
import org.bytedeco.cuda.cublas.cublasContext;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cublas;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.Pointer;

/** cuBLAS of CUDA 13 through JavaCPP's preset. */
final class JavaCppCublasHandle implements CublasHandle {
  /** An address of the device, or of an object of CUDA's. */
  private static final class At extends Pointer {
    At(long address) {
      this.address = address;
    }
  }

  private final cublasContext handle = new cublasContext();
  private final FloatPointer alpha = new FloatPointer(1);
  private final FloatPointer beta = new FloatPointer(1);
  private final Handle owned;

  /** Opens the library in the current context. */
  JavaCppCublasHandle(CudaContext context) {
    cublasContext created = handle;
    FloatPointer one = alpha;
    FloatPointer other = beta;
    run("cublasCreate", () -> cublas.cublasCreate_v2(created));
    this.owned =
        new Handle(
            this,
            "cuBLAS handle",
            () -> {
              one.close();
              other.close();
              context.run(() -> run("cublasDestroy", () -> cublas.cublasDestroy_v2(created)));
            });
    alpha.put(1);
    try {
      run(
          "cublasSetMathMode",
          () ->
              cublas.cublasSetMathMode(created, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
    } catch (RuntimeException e) {
      try (owned) {
        throw e;
      }
    }
  }

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
  public String version() {
    int[] part = new int[1];
    StringBuilder version = new StringBuilder();
    for (int which = 0; which < 3; which++) {
      int property = which;
      run("cublasGetProperty", () -> cublas.cublasGetProperty(property, part));
      version.append(which == 0 ? "" : ".").append(part[0]);
    }
    return version.toString();
  }

  @Override
  public void multiply(Gemm gemm, LibraryProduct.Operands operands, CUstream stream) {
    beta.put(operands.beta());
    CUstream_st into = new CUstream_st(new At(RawStream.handle(stream)));
    run("cublasSetStream", () -> cublas.cublasSetStream_v2(handle, into));
    run(
        "cublasGemmEx",
        () ->
            cublas.cublasGemmEx(
                handle,
                CUBLAS_OP_T,
                CUBLAS_OP_N,
                gemm.out(),
                (int) operands.batch(),
                gemm.in(),
                alpha,
                new At(gemm.w()),
                gemm.type(),
                gemm.in(),
                new At(operands.x()),
                gemm.type(),
                gemm.in(),
                beta,
                new At(operands.y()),
                gemm.type(),
                gemm.out(),
                gemm.compute(),
                CUBLAS_GEMM_DEFAULT));
  }

  private static void run(String name, IntSupplier call) {
    CudaResult.runLibrary(name, CublasHandle::status, call);
  }

  @Override
  public void close() {
    owned.close();
  }
}
