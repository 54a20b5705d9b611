package dev.coppice.cuda;

import jcuda.driver.CUstream;

/** A handle of cuBLAS, through one of the libraries that bind it to Java. */
interface CublasHandle extends LibraryHandle {
  /** What a handle is set to: sums of 16-bit operands are F32 all the way. */
  int CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16;

  int CUBLAS_OP_N = 0;
  int CUBLAS_OP_T = 1;

  /** The default algorithm: the library's own choice. */
  int CUBLAS_GEMM_DEFAULT = -1;

  /**
   * What {@code cublasGemmEx} multiplies: column-major, Y [out, batch] = op(W) [in, out] X [in,
   * batch], which is y = x W^T of what Coppice holds by rows.
   *
   * @param type of all operands, one of cudaDataType
   * @param compute one of cublasComputeType_t
   */
  record Gemm(int out, int in, long w, int type, int compute) {}

  /** Gives the version, such as 12.6.1. */
  String version();

  /** Puts Y = op(W) X + beta Y into the stream. */
  void multiply(Gemm gemm, LibraryProduct.Operands operands, CUstream stream);

  /** Gives the name of a status. */
  static String status(int status) {
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
}
