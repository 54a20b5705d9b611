package dev.coppice.cuda;

import dev.coppice.sparse.TwoFour;
import jcuda.driver.CUstream;

/**
 * One layer in cuSPARSELt. The library takes multiples of 8 rows of x, and addresses that are
 * multiples of 16 bytes; where it is not so, or W was filled up, x goes into memory that is, and y
 * comes from there: two copies, or three where y is added to.
 */
final class CusparseLtProduct implements LibraryProduct {
  private static final int BATCH = 8;
  private static final int ALIGNMENT = 16;

  private final CusparseLtWeights weights;
  private final CusparseLtPlans plans;
  private final StagedRows x;
  private final StagedRows y;
  private final CudaStream own;
  private final long bytes;

  CusparseLtProduct(
      LibraryHoldings<CusparseLtHandle> held, TwoFour twoFour, long mostBatch, CudaStream own) {
    this.own = own;
    this.bytes = twoFour.bytes();
    this.weights = new CusparseLtWeights(held, twoFour, own);
    this.plans = new CusparseLtPlans(held, weights);
    this.x = new StagedRows(held, 2L * twoFour.in(), 2L * weights.in());
    this.y = new StagedRows(held, 2 * twoFour.out(), 2 * weights.out());
    plans.get(CusparseLtWeights.rounded(mostBatch, BATCH), own);
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void enqueue(Operands operands, CUstream stream) {
    long batch = CusparseLtWeights.rounded(operands.batch(), BATCH);
    CusparseLtPlans.Plan plan = plans.get(batch, own);
    boolean whole = batch == operands.batch();
    boolean xFits = whole && x.isWhole() && operands.x() % ALIGNMENT == 0;
    boolean yFits = whole && y.isWhole() && operands.y() % ALIGNMENT == 0;
    long from = xFits ? operands.x() : x.filled(operands.x(), operands.batch(), batch, stream);
    long into = yFits ? operands.y() : target(operands, batch, stream);
    CusparseLt.run(
        () ->
            CusparseLt.multiply(
                plan.address(),
                weights.compressed(),
                from,
                operands.beta(),
                into,
                plan.workspace().address(),
                RawStream.handle(stream)));
    if (!yFits) {
      y.copyTo(operands.y(), operands.batch(), stream);
    }
  }

  private long target(Operands operands, long batch, CUstream stream) {
    return operands.added()
        ? y.filled(operands.y(), operands.batch(), batch, stream)
        : y.memory(batch);
  }
}
