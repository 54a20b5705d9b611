package dev.coppice.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.IntSupplier;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.jcusparse.JCusparse;
import jcuda.jcusparse.cusparseHandle;
import jcuda.jcusparse.cusparseOperation;
import jcuda.runtime.cudaStream_t;

/** cuSPARSE through JCusparse. */
final class CusparseHandle implements LibraryHandle {
  /** Nothing is transposed. */
  static final int N = cusparseOperation.CUSPARSE_OPERATION_NON_TRANSPOSE;

  /** What products are summed in. */
  static final int F32 = cudaDataType.CUDA_R_32F;

  private final cusparseHandle handle = new cusparseHandle();
  private final ByteBuffer scalars =
      ByteBuffer.allocateDirect(2 * Float.BYTES).order(ByteOrder.nativeOrder());
  private final Pointer alpha = Pointer.to(scalars);
  private final Pointer beta = alpha.withByteOffset(Float.BYTES);
  private final Handle owned;

  /** Opens the library in the current context. */
  CusparseHandle(CudaContext context) {
    cusparseHandle created = handle;
    run("cusparseCreate", () -> JCusparse.cusparseCreate(created));
    scalars.putFloat(0, 1);
    this.owned =
        new Handle(
            this,
            "cuSPARSE handle",
            () ->
                context.run(
                    () -> run("cusparseDestroy", () -> JCusparse.cusparseDestroy(created))));
  }

  /**
   * Loads JCusparse and the library.
   *
   * @throws LinkageError if one is missing
   */
  static void load() {
    JCusparse.setExceptionsEnabled(false);
  }

  /** Gives the version, such as 12.6.0. */
  String version() {
    return LibraryHandle.version(
        (which, part) ->
            run("cusparseGetProperty", () -> JCusparse.cusparseGetProperty(which, part)));
  }

  cusparseHandle handle() {
    return handle;
  }

  /** Points to 1. */
  Pointer alpha() {
    return alpha;
  }

  /** Points to what y is multiplied by: set before a call that reads it. */
  Pointer beta(float value) {
    scalars.putFloat(Float.BYTES, value);
    return beta;
  }

  /** Lets the calls that follow go into that stream. */
  void use(CUstream stream) {
    run("cusparseSetStream", () -> JCusparse.cusparseSetStream(handle, new cudaStream_t(stream)));
  }

  static Pointer at(long address) {
    return new CUdeviceptr().withByteOffset(address);
  }

  /** Makes the call of that name, and throws if it fails. */
  static void run(String name, IntSupplier call) {
    CudaResult.runLibrary(name, CusparseStatus::name, call);
  }

  @Override
  public void close() {
    owned.close();
  }
}
