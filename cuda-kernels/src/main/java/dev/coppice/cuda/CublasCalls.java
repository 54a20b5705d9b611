package dev.coppice.cuda;

import java.nio.ByteBuffer;
import jcuda.driver.CUstream;

/** The functions of cuBLAS on one handle, as a library binds them to Java: all give a status. */
interface CublasCalls {
  int create();

  int destroy();

  int setMathMode(int mode);

  int getProperty(int which, int[] value);

  int setStream(CUstream stream);

  /**
   * {@code cublasGemmEx}.
   *
   * @param scalars direct, what the product is multiplied by, and at {@link CublasHandle#BETA} what
   *     the result is before it is added
   */
  int gemm(CublasHandle.Gemm gemm, ByteBuffer scalars);
}
