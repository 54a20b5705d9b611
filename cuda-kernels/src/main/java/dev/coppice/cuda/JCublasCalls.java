package dev.coppice.cuda;

import java.nio.ByteBuffer;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.runtime.cudaStream_t;

/** cuBLAS of CUDA 12 through JCublas. */
final class JCublasCalls implements CublasCalls {
  private final cublasHandle handle = new cublasHandle();

  /**
   * Loads JCublas and the library.
   *
   * @throws LinkageError if one is missing
   */
  static void load() {
    JCublas2.setExceptionsEnabled(false);
  }

  @Override
  public int create() {
    return JCublas2.cublasCreate(handle);
  }

  @Override
  public int destroy() {
    return JCublas2.cublasDestroy(handle);
  }

  @Override
  public int setMathMode(int mode) {
    return JCublas2.cublasSetMathMode(handle, mode);
  }

  @Override
  public int getProperty(int which, int[] value) {
    return JCublas2.cublasGetProperty(which, value);
  }

  @Override
  public int setStream(CUstream stream) {
    return JCublas2.cublasSetStream(handle, new cudaStream_t(stream));
  }

  /** The function without "_new" takes compute types as they were before CUDA 11. */
  @Override
  public int gemm(CublasHandle.Gemm gemm, ByteBuffer scalars) {
    Pointer alpha = Pointer.to(scalars);
    return JCublas2.cublasGemmEx_new(
        handle,
        gemm.a().operation(),
        gemm.b().operation(),
        gemm.m(),
        gemm.n(),
        gemm.k(),
        alpha,
        at(gemm.a()),
        gemm.type(),
        gemm.a().ld(),
        at(gemm.b()),
        gemm.type(),
        gemm.b().ld(),
        alpha.withByteOffset(CublasHandle.BETA),
        at(gemm.c()),
        gemm.type(),
        gemm.c().ld(),
        gemm.compute(),
        CublasHandle.CUBLAS_GEMM_DEFAULT);
  }

  private static Pointer at(CublasHandle.Matrix matrix) {
    return new CUdeviceptr().withByteOffset(matrix.address());
  }
}
