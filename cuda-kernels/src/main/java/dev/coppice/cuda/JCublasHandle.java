package dev.coppice.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;

/** cuBLAS of CUDA 12 through JCublas. */
final class JCublasHandle implements CublasHandle {
  private final cublasHandle handle = new cublasHandle();
  private final ByteBuffer scalars =
      ByteBuffer.allocateDirect(2 * Float.BYTES).order(ByteOrder.nativeOrder());
  private final Pointer alpha = Pointer.to(scalars);
  private final Pointer beta = alpha.withByteOffset(Float.BYTES);
  private final Handle owned;

  /** Opens the library in the current context. */
  JCublasHandle(CudaContext context) {
    cublasHandle created = handle;
    run("cublasCreate", () -> JCublas2.cublasCreate(created));
    this.owned =
        new Handle(
            this,
            "cuBLAS handle",
            () -> context.run(() -> run("cublasDestroy", () -> JCublas2.cublasDestroy(created))));
    scalars.putFloat(0, 1);
    try {
      run(
          "cublasSetMathMode",
          () ->
              JCublas2.cublasSetMathMode(
                  created, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
    } catch (RuntimeException e) {
      try (owned) {
        throw e;
      }
    }
  }

  /**
   * Loads JCublas and the library.
   *
   * @throws LinkageError if one is missing
   */
  static void load() {
    JCublas2.setExceptionsEnabled(false);
  }

  @Override
  public String version() {
    int[] part = new int[1];
    StringBuilder version = new StringBuilder();
    for (int which = 0; which < 3; which++) {
      int property = which;
      run("cublasGetProperty", () -> JCublas2.cublasGetProperty(property, part));
      version.append(which == 0 ? "" : ".").append(part[0]);
    }
    return version.toString();
  }

  @Override
  public void multiply(Gemm gemm, LibraryProduct.Operands operands, CUstream stream) {
    scalars.putFloat(Float.BYTES, operands.beta());
    run("cublasSetStream", () -> JCublas2.cublasSetStream(handle, new cudaStream_t(stream)));
    // The one without "_new" takes compute types as they were before CUDA 11.
    run(
        "cublasGemmEx",
        () ->
            JCublas2.cublasGemmEx_new(
                handle,
                CUBLAS_OP_T,
                CUBLAS_OP_N,
                gemm.out(),
                (int) operands.batch(),
                gemm.in(),
                alpha,
                at(gemm.w()),
                gemm.type(),
                gemm.in(),
                at(operands.x()),
                gemm.type(),
                gemm.in(),
                beta,
                at(operands.y()),
                gemm.type(),
                gemm.out(),
                gemm.compute(),
                CUBLAS_GEMM_DEFAULT));
  }

  private static Pointer at(long address) {
    return new CUdeviceptr().withByteOffset(address);
  }

  private static void run(String name, IntSupplier call) {
    CudaResult.runLibrary(name, CublasHandle::status, call);
  }

  @Override
  public void close() {
    owned.close();
  }
}
