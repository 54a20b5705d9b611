package dev.coppice.cuda;

import dev.coppice.sparse.Csr;
import dev.coppice.sparse.Part;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.jcusparse.JCusparse;
import jcuda.jcusparse.cusparseDnVecDescr;
import jcuda.jcusparse.cusparseIndexBase;
import jcuda.jcusparse.cusparseIndexType;
import jcuda.jcusparse.cusparseSpMVAlg;
import jcuda.jcusparse.cusparseSpMatDescr;

/**
 * One layer in cuSPARSE. What Coppice holds by rows, x [batch, in] and y [batch, out], is by
 * columns X [in, batch] and Y [out, batch]: Y = W X, and nothing is transposed.
 */
final class CusparseProduct implements LibraryProduct {
  private static final int SPMV = cusparseSpMVAlg.CUSPARSE_SPMV_CSR_ALG1;

  private final CusparseHandle library;
  private final long bytes;
  private final cusparseSpMatDescr weights = new cusparseSpMatDescr();
  private final cusparseDnVecDescr vectorX = new cusparseDnVecDescr();
  private final cusparseDnVecDescr vectorY = new cusparseDnVecDescr();
  private final DeviceMemory vectorBuffer;
  private final CusparseBatch matrices;

  CusparseProduct(
      LibraryHoldings<CusparseHandle> held, Csr csr, long mostBatch, CudaStream stream) {
    this.library = held.library();
    int type = CublasLinear.dataType(csr.dtype());
    this.bytes = csr.bytes();
    List<Part> parts = csr.parts();
    Pointer offsets = CusparseHandle.at(held.place(parts.get(0).data(), stream));
    Pointer columns = CusparseHandle.at(held.place(parts.get(1).data(), stream));
    Pointer values = CusparseHandle.at(held.place(parts.get(2).data(), stream));
    CusparseHandle.run(
        "cusparseCreateCsr",
        () ->
            JCusparse.cusparseCreateCsr(
                weights,
                csr.out(),
                csr.in(),
                csr.stored(),
                offsets,
                columns,
                values,
                cusparseIndexType.CUSPARSE_INDEX_32I,
                cusparseIndexType.CUSPARSE_INDEX_32I,
                cusparseIndexBase.CUSPARSE_INDEX_BASE_ZERO,
                type));
    held.keep(
        () ->
            CusparseHandle.run(
                "cusparseDestroySpMat", () -> JCusparse.cusparseDestroySpMat(weights.asConst())));
    describe(held, vectorX, csr.in(), offsets, type);
    describe(held, vectorY, csr.out(), offsets, type);
    this.vectorBuffer = held.borrow(vectorBytes());
    this.matrices = new CusparseBatch(held, weights, csr);
    if (mostBatch > 1) {
      matrices.prepare(mostBatch, offsets, stream.stream());
      stream.await();
    }
  }

  /** Describes a vector that is somewhere on the device until a call says where. */
  private static void describe(
      LibraryHoldings<CusparseHandle> held,
      cusparseDnVecDescr made,
      long size,
      Pointer somewhere,
      int type) {
    CusparseHandle.run(
        "cusparseCreateDnVec", () -> JCusparse.cusparseCreateDnVec(made, size, somewhere, type));
    held.keep(
        () ->
            CusparseHandle.run(
                "cusparseDestroyDnVec", () -> JCusparse.cusparseDestroyDnVec(made.asConst())));
  }

  private long vectorBytes() {
    long[] size = new long[1];
    CusparseHandle.run(
        "cusparseSpMV_bufferSize",
        () ->
            JCusparse.cusparseSpMV_bufferSize(
                library.handle(),
                CusparseHandle.N,
                library.alpha(),
                weights.asConst(),
                vectorX.asConst(),
                library.beta(0),
                vectorY,
                CusparseHandle.F32,
                SPMV,
                size));
    return size[0];
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void enqueue(Operands operands, CUstream stream) {
    if (operands.batch() > 1) {
      matrices.multiply(operands, stream);
      return;
    }
    library.use(stream);
    CusparseHandle.run(
        "cusparseDnVecSetValues",
        () -> JCusparse.cusparseDnVecSetValues(vectorX, CusparseHandle.at(operands.x())));
    CusparseHandle.run(
        "cusparseDnVecSetValues",
        () -> JCusparse.cusparseDnVecSetValues(vectorY, CusparseHandle.at(operands.y())));
    CusparseHandle.run(
        "cusparseSpMV",
        () ->
            JCusparse.cusparseSpMV(
                library.handle(),
                CusparseHandle.N,
                library.alpha(),
                weights.asConst(),
                vectorX.asConst(),
                library.beta(operands.beta()),
                vectorY,
                CusparseHandle.F32,
                SPMV,
                CusparseHandle.at(vectorBuffer.address())));
  }
}
