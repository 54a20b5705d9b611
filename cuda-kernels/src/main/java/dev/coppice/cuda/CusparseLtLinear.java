package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.TwoFour;
import java.util.EnumSet;
import java.util.Set;

/**
 * Products of 2:4 weights of 16 bits by cuSPARSELt, where {@code libcusparseLt.so.0} is installed.
 * Sums are F32. Zeros that fill up a four are weights: an input that is infinite or NaN meets them.
 * The first product of each number of rows plans it: the library tries all its algorithms.
 */
public final class CusparseLtLinear extends LibraryLinear<CusparseLtHandle> {
  /** Makes the provider {@code cusparselt}. */
  public CusparseLtLinear() {
    super("cusparselt");
  }

  @Override
  void require() {
    CusparseLt.require();
  }

  @Override
  CusparseLtHandle open(CudaContext context) {
    return new CusparseLtHandle(context);
  }

  @Override
  String describe(CusparseLtHandle library) {
    return "cuSPARSELt " + library.version();
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    return dtype == DType.F32 ? EnumSet.noneOf(Format.class) : EnumSet.of(Format.TWO_FOUR);
  }

  @Override
  LibraryProduct product(
      LibraryHoldings<CusparseLtHandle> held,
      LinearWeights weights,
      long mostBatch,
      CudaStream stream) {
    if (!(weights instanceof TwoFour twoFour) || weights.dtype() == DType.F32) {
      throw new IllegalArgumentException(
          "cuSPARSELt takes 2:4 weights of F16 or BF16, not %s of %s"
              .formatted(weights.format().title(), weights.dtype()));
    }
    return new CusparseLtProduct(held, twoFour, mostBatch, stream);
  }
}
