package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DType;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import java.util.EnumSet;
import java.util.Set;

/**
 * Dense F32 products by cuBLAS whose operands are rounded to TF32, 10 bits of fraction, first: for
 * who says so with {@code -Dcoppice.cuda.tf32=true}.
 */
public final class CublasTf32Linear extends CublasLinear {
  private static final int CUBLAS_COMPUTE_32F_FAST_TF32 = 77;

  /** Makes the provider {@code cublas-tf32}. */
  public CublasTf32Linear() {
    super("cublas-tf32", CublasBinding::first, CUBLAS_COMPUTE_32F_FAST_TF32);
  }

  @Override
  void require() {
    if (!Boolean.getBoolean("coppice.cuda.tf32")) {
      throw new BackendUnavailableException(
          "TF32 keeps 10 bits of a weight's fraction: allow that with -Dcoppice.cuda.tf32=true");
    }
    super.require();
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    return dtype == DType.F32 ? EnumSet.of(Format.DENSE) : EnumSet.noneOf(Format.class);
  }
}
