package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.sparse.Csr;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import java.util.EnumSet;
import java.util.Set;

/**
 * Products of CSR weights by cuSPARSE, through JCusparse: SpMV for one row of x, SpMM for more.
 * Sums are F32. A bias is put into y by a kernel first, which cuSPARSE then adds to.
 */
public final class CusparseLinear extends LibraryLinear<CusparseHandle> {
  private static final LibraryBinding BINDING =
      new LibraryBinding(
          "JCusparse",
          "org.jcuda:jcusparse:12.6.0",
          "libcusparse.so.12",
          () -> JCudaLibrary.initialise("JCusparse", () -> CusparseHandle.load()));

  /** Makes the provider {@code cusparse}. */
  public CusparseLinear() {
    super("cusparse");
  }

  @Override
  void require() {
    BINDING.require();
  }

  @Override
  CusparseHandle open(CudaContext context) {
    return new CusparseHandle(context);
  }

  @Override
  String describe(CusparseHandle library) {
    return "cuSPARSE %s through %s".formatted(library.version(), BINDING.title());
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    return EnumSet.of(Format.CSR);
  }

  @Override
  LibraryProduct product(
      LibraryHoldings<CusparseHandle> held,
      LinearWeights weights,
      long mostBatch,
      CudaStream stream) {
    if (!(weights instanceof Csr csr)) {
      throw new IllegalArgumentException(
          "cuSPARSE takes CSR weights, not " + weights.format().title());
    }
    return new CusparseProduct(held, csr, mostBatch, stream);
  }
}
