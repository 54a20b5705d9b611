package dev.coppice.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntSupplier;
import jcuda.driver.CUstream;

/** A handle of cuBLAS. */
final class CublasHandle implements LibraryHandle {
  /** What a handle is set to: sums of 16-bit operands are F32 all the way. */
  private static final int CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16;

  /** The default algorithm: the library's own choice. */
  static final int CUBLAS_GEMM_DEFAULT = -1;

  static final int CUBLAS_COMPUTE_64F = 70;

  /** The byte at which the second scalar lies. */
  static final int BETA = Double.BYTES;

  /**
   * A matrix by columns.
   *
   * @param transposed whether its transpose is multiplied
   * @param ld from one column to the next
   */
  record Matrix(long address, boolean transposed, int ld) {
    /** Gives it as a cublasOperation_t. */
    int operation() {
      return transposed ? 1 : 0;
    }
  }

  /**
   * What {@code cublasGemmEx} computes: C [m, n] = op(A) [m, k] op(B) [k, n] + beta C.
   *
   * @param type of all operands, one of cudaDataType
   * @param compute one of cublasComputeType_t
   */
  record Gemm(
      int m, int n, int k, Matrix a, Matrix b, Matrix c, double beta, int type, int compute) {}

  private final CublasCalls calls;
  private final ByteBuffer scalars =
      ByteBuffer.allocateDirect(2 * Double.BYTES).order(ByteOrder.nativeOrder());
  private final Handle owned;

  /** Opens the library in the current context. */
  CublasHandle(CudaContext context, CublasCalls calls) {
    this.calls = calls;
    run("cublasCreate", calls::create);
    this.owned =
        new Handle(
            this, "cuBLAS handle", () -> context.run(() -> run("cublasDestroy", calls::destroy)));
    try {
      run(
          "cublasSetMathMode",
          () -> calls.setMathMode(CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
    } catch (RuntimeException e) {
      try (owned) {
        throw e;
      }
    }
  }

  /** Gives the version, such as 12.6.1. */
  String version() {
    return LibraryHandle.version(
        (which, part) -> run("cublasGetProperty", () -> calls.getProperty(which, part)));
  }

  /** Puts a product into the stream. */
  void multiply(Gemm gemm, CUstream stream) {
    if (gemm.compute() == CUBLAS_COMPUTE_64F) {
      scalars.putDouble(0, 1).putDouble(BETA, gemm.beta());
    } else {
      scalars.putFloat(0, 1).putFloat(BETA, (float) gemm.beta());
    }
    run("cublasSetStream", () -> calls.setStream(stream));
    run("cublasGemmEx", () -> calls.gemm(gemm, scalars));
  }

  private static void run(String name, IntSupplier call) {
    CudaResult.runLibrary(name, CublasHandle::status, call);
  }

  private static String status(int status) {
    return switch (status) {
      case 1 -> "CUBLAS_STATUS_NOT_INITIALIZED";
      case 3 -> "CUBLAS_STATUS_ALLOC_FAILED";
      case 7 -> "CUBLAS_STATUS_INVALID_VALUE";
      case 8 -> "CUBLAS_STATUS_ARCH_MISMATCH";
      case 11 -> "CUBLAS_STATUS_MAPPING_ERROR";
      case 13 -> "CUBLAS_STATUS_EXECUTION_FAILED";
      case 14 -> "CUBLAS_STATUS_INTERNAL_ERROR";
      case 15 -> "CUBLAS_STATUS_NOT_SUPPORTED";
      default -> "status " + status;
    };
  }

  @Override
  public void close() {
    owned.close();
  }
}
