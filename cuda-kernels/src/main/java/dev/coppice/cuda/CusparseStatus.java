package dev.coppice.cuda;

/** What cuSPARSE and cuSPARSELt answer. */
final class CusparseStatus {
  private static final String[] NAMES = {
    "SUCCESS",
    "NOT_INITIALIZED",
    "ALLOC_FAILED",
    "INVALID_VALUE",
    "ARCH_MISMATCH",
    "MAPPING_ERROR",
    "EXECUTION_FAILED",
    "INTERNAL_ERROR",
    "MATRIX_TYPE_NOT_SUPPORTED",
    "ZERO_PIVOT",
    "NOT_SUPPORTED",
    "INSUFFICIENT_RESOURCES"
  };

  private CusparseStatus() {}

  /** Gives the name of a status. */
  static String name(int status) {
    return status >= 0 && status < NAMES.length
        ? "CUSPARSE_STATUS_" + NAMES[status]
        : "status " + status;
  }
}
