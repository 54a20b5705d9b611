package dev.coppice.cuda;

import dev.coppice.sparse.Csr;
import java.util.Optional;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.jcusparse.JCusparse;
import jcuda.jcusparse.cusparseDnMatDescr;
import jcuda.jcusparse.cusparseOrder;
import jcuda.jcusparse.cusparseSpMMAlg;
import jcuda.jcusparse.cusparseSpMatDescr;

/**
 * SpMM with some number of rows of x: described, and W preprocessed for it, when a call first has
 * as many; kept until one has another number. CSR_ALG1 is made for operands by columns.
 */
final class CusparseBatch {
  private static final int ALGORITHM = cusparseSpMMAlg.CUSPARSE_SPMM_CSR_ALG1;

  /** X and Y of some number of columns, and the workspace of their product. */
  private record Described(
      long batch, cusparseDnMatDescr x, cusparseDnMatDescr y, Pointer buffer) {}

  private final LibraryHoldings<CusparseHandle> held;
  private final CusparseHandle library;
  private final cusparseSpMatDescr weights;
  private final Csr csr;
  private final Kept kept = new Kept();
  private Optional<Described> described = Optional.empty();

  CusparseBatch(LibraryHoldings<CusparseHandle> held, cusparseSpMatDescr weights, Csr csr) {
    this.held = held;
    this.library = held.library();
    this.weights = weights;
    this.csr = csr;
    held.keep(kept::close);
  }

  /** Puts Y = W X + beta Y into the stream. */
  void multiply(LibraryProduct.Operands operands, CUstream stream) {
    Described with = prepare(operands.batch(), CusparseHandle.at(operands.x()), stream);
    setValues(with.x, operands.x());
    setValues(with.y, operands.y());
    CusparseHandle.run(
        "cusparseSpMM",
        () ->
            JCusparse.cusparseSpMM(
                library.handle(),
                CusparseHandle.N,
                CusparseHandle.N,
                library.alpha(),
                weights.asConst(),
                with.x.asConst(),
                library.beta(operands.beta()),
                with.y,
                CusparseHandle.F32,
                ALGORITHM,
                with.buffer));
  }

  private static void setValues(cusparseDnMatDescr matrix, long address) {
    CusparseHandle.run(
        "cusparseDnMatSetValues",
        () -> JCusparse.cusparseDnMatSetValues(matrix, CusparseHandle.at(address)));
  }

  /**
   * Describes operands of so many rows, and preprocesses W for them in the stream.
   *
   * @param somewhere on the device; the operands' places are set later
   */
  Described prepare(long batch, Pointer somewhere, CUstream stream) {
    library.use(stream);
    if (described.isPresent() && described.get().batch == batch) {
      return described.get();
    }
    if (described.isPresent()) {
      described = Optional.empty();
      held.context().synchronize(); // What is in a stream still works with the buffer.
      kept.close();
    }
    try {
      Described made = describe(batch, somewhere);
      preprocess(made);
      described = Optional.of(made);
      return made;
    } catch (RuntimeException e) {
      try (kept) {
        throw e;
      }
    }
  }

  private Described describe(long batch, Pointer somewhere) {
    cusparseDnMatDescr x = byColumns(csr.in(), batch, somewhere);
    cusparseDnMatDescr y = byColumns(csr.out(), batch, somewhere);
    DeviceMemory buffer = held.borrow(bufferBytes(x, y), kept);
    return new Described(batch, x, y, CusparseHandle.at(buffer.address()));
  }

  private cusparseDnMatDescr byColumns(long rows, long columns, Pointer somewhere) {
    cusparseDnMatDescr made = new cusparseDnMatDescr();
    CusparseHandle.run(
        "cusparseCreateDnMat",
        () ->
            JCusparse.cusparseCreateDnMat(
                made,
                rows,
                columns,
                rows,
                somewhere,
                CublasLinear.dataType(csr.dtype()),
                cusparseOrder.CUSPARSE_ORDER_COL));
    kept.add(
        () ->
            CusparseHandle.run(
                "cusparseDestroyDnMat", () -> JCusparse.cusparseDestroyDnMat(made.asConst())));
    return made;
  }

  private long bufferBytes(cusparseDnMatDescr x, cusparseDnMatDescr y) {
    long[] size = new long[1];
    CusparseHandle.run(
        "cusparseSpMM_bufferSize",
        () ->
            JCusparse.cusparseSpMM_bufferSize(
                library.handle(),
                CusparseHandle.N,
                CusparseHandle.N,
                library.alpha(),
                weights.asConst(),
                x.asConst(),
                library.beta(0),
                y,
                CusparseHandle.F32,
                ALGORITHM,
                size));
    return size[0];
  }

  private void preprocess(Described made) {
    CusparseHandle.run(
        "cusparseSpMM_preprocess",
        () ->
            JCusparse.cusparseSpMM_preprocess(
                library.handle(),
                CusparseHandle.N,
                CusparseHandle.N,
                library.alpha(),
                weights.asConst(),
                made.x.asConst(),
                library.beta(0),
                made.y,
                CusparseHandle.F32,
                ALGORITHM,
                made.buffer));
  }
}
