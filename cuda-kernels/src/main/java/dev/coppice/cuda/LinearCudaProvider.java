package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Bitmap;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.TwoFour;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Offers products of 2:4 weights of BF16 and F16, for any number of rows of x, and of bitmap
 * weights of every type for up to 16, by kernels of our own. Operators on one device share what
 * they load there.
 */
public final class LinearCudaProvider implements LinearProvider {
  /** Beyond that many rows of x, weights would be read too often. */
  private static final long MOST_BITMAP_ROWS = 16;

  /** The first compute capability that has sparse tensor cores, times ten. */
  private static final int OLDEST = 80;

  private final Map<Integer, Availability> known = new ConcurrentHashMap<>();

  @Override
  public String name() {
    return CudaProvider.NAME;
  }

  @Override
  public Availability availability(Device device) {
    String lost = CudaResult.lost();
    if (lost != null) {
      return new Availability.Unusable(lost);
    }
    return device instanceof Device.Cuda cuda
        ? known.computeIfAbsent(cuda.ordinal(), ordinal -> Probe.of(() -> describe(ordinal)))
        : new Availability.Unusable("the CUDA kernels run on a CUDA device alone");
  }

  private static String describe(int ordinal) {
    String device = CudaContext.describe(ordinal);
    CudaModule.require();
    if (CudaContext.capability(ordinal) < OLDEST) {
      throw new BackendUnavailableException(
          device + ": sparse products need compute capability 8.0 or newer");
    }
    return device + ", driver supports CUDA " + CudaContext.supportedVersion();
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    Set<Format> formats = EnumSet.noneOf(Format.class);
    if (dtype != DType.F32) {
      formats.add(Format.TWO_FOUR);
    }
    if (batch <= MOST_BITMAP_ROWS) {
      formats.add(Format.BITMAP);
    }
    return formats;
  }

  @Override
  public LinearOperator prepare(
      LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
    if (!(device instanceof Device.Cuda cuda)
        || !formats(device, weights.dtype(), 1).contains(weights.format())) {
      throw new IllegalArgumentException(
          "the CUDA kernels have no product of %s weights of %s on %s"
              .formatted(weights.format().title(), weights.dtype(), device));
    }
    boolean few = weights.format() == Format.BITMAP;
    long most = few ? Math.min(mostBatch, MOST_BITMAP_ROWS) : mostBatch;
    if (most > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "the CUDA kernels take 2^31 - 1 rows at most, not " + most);
    }
    return LinearMemory.with(cuda.ordinal(), memory -> product(memory, weights, bias, most));
  }

  private static LinearOperator product(
      LinearMemory memory, LinearWeights weights, Optional<Tensor> bias, long mostBatch) {
    return weights instanceof TwoFour twoFour
        ? new LinearTwoFour(memory, twoFour, bias, mostBatch)
        : new LinearBitmap(memory, (Bitmap) weights, bias, mostBatch);
  }
}
