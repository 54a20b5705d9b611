package dev.coppice.benchmarks;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearBenchProvider;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.SplittableRandom;

/**
 * Measures products of pruned layers, by every provider that there is, dense ones included. Each
 * product goes over several copies of its weights in turn, four times the second-level cache, so
 * that none is read from there.
 */
final class GpuLinear {
  private record Layer(int out, int in) {}

  private static final List<Layer> LAYERS =
      List.of(new Layer(4096, 4096), new Layer(14336, 4096), new Layer(4096, 14336));
  private static final long[] BATCHES = {1, 8, 16, 64, 512, 4096};
  private static final double[] SPARSITIES = {0.5, 0.7, 0.8};
  private static final Device DEVICE = Device.cuda(0);
  private static final DType DTYPE = DType.BF16;
  private static final double MOST_SECONDS = 1;
  private static final long CACHES = 4;

  private final boolean small;
  private final RowFile rows;
  private final LinearBench bench;
  private final List<LinearProvider> providers;

  private GpuLinear(RowFile rows, LinearBench bench, boolean small) {
    this.rows = rows;
    this.bench = bench;
    this.small = small;
    this.providers =
        ServiceLoader.load(LinearProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.availability(DEVICE) instanceof Availability.Usable)
            .toList();
  }

  /** Measures all layers, with tiny ones instead if {@code small}. */
  static void run(RowFile rows, boolean small) {
    try (LinearBench bench =
        ServiceLoader.load(LinearBenchProvider.class).stream()
            .flatMap(p -> p.get().open(DEVICE).stream())
            .findFirst()
            .orElseThrow()) {
      GpuLinear linear = new GpuLinear(rows, bench, small);
      for (Layer layer : LAYERS) {
        linear.measure(small ? new Layer(layer.out / 128, layer.in / 128) : layer);
      }
    }
  }

  private void measure(Layer layer) {
    Tensor twoFour = weights(layer, 0.5, true);
    measure(layer, Format.DENSE, 0.5, twoFour);
    measure(layer, Format.TWO_FOUR, 0.5, twoFour);
    for (double sparsity : SPARSITIES) {
      measure(layer, Format.BITMAP, sparsity, weights(layer, sparsity, false));
    }
  }

  private void measure(Layer layer, Format format, double sparsity, Tensor weights) {
    LinearWeights held = LinearWeights.compress(format, weights);
    for (LinearProvider provider : providers) {
      for (long batch : BATCHES) {
        long rowsOfX = small ? Math.min(batch, 70) : batch;
        if (provider.formats(DEVICE, DTYPE, rowsOfX).contains(format)) {
          measure(layer, provider, held, sparsity, rowsOfX);
        }
      }
    }
  }

  private void measure(
      Layer layer, LinearProvider provider, LinearWeights held, double sparsity, long batch) {
    List<LinearOperator> operators = new ArrayList<>();
    try {
      long copies = small ? 2 : Math.max(2, CACHES * bench.cacheBytes() / held.bytes() + 1);
      for (long i = 0; i < copies; i++) {
        operators.add(provider.prepare(held, Optional.empty(), DEVICE, batch));
      }
      Tensor x = bench.copyOf(random(batch, layer.in));
      Tensor y = bench.copyOf(random(batch, layer.out));
      OptionalLong stream = bench.stream();
      Samples samples =
          Samples.take(
              MOST_SECONDS,
              () ->
                  bench.seconds(() -> operators.forEach(o -> o.apply(x, y, stream)))
                      / operators.size());
      add(layer, provider, held, sparsity, batch, samples, operators.get(0).bytes());
    } finally {
      operators.forEach(LinearOperator::close);
    }
  }

  private void add(
      Layer layer,
      LinearProvider provider,
      LinearWeights held,
      double sparsity,
      long batch,
      Samples samples,
      long bytes) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("shape", layer.out + "x" + layer.in);
    row.put("dtype", DTYPE);
    row.put("batch", batch);
    row.put("provider", provider.name());
    row.put("format", held.format().title());
    row.put("sparsity", sparsity);
    row.put("samples", samples.count());
    row.put("median_ms", samples.median() * 1e3);
    row.put("low_ms", samples.low() * 1e3);
    row.put("high_ms", samples.high() * 1e3);
    row.put("bytes", bytes);
    row.put("weights_gb_per_second", bytes / samples.median() * 1e-9);
    rows.add("linear", row);
  }

  private static Tensor random(long rows, long columns) {
    return fill(rows, columns, (random, i) -> true);
  }

  private static Tensor weights(Layer layer, double sparsity, boolean twoFour) {
    int[] kept = new int[1];
    return fill(
        layer.out,
        layer.in,
        (random, i) -> {
          if (!twoFour) {
            return random.nextDouble() >= sparsity;
          }
          kept[0] = i % 4 == 0 ? 2 : kept[0];
          boolean keep = random.nextInt(4 - i % 4) < kept[0];
          kept[0] -= keep ? 1 : 0;
          return keep;
        });
  }

  private interface Kept {
    boolean test(SplittableRandom random, int i);
  }

  /** Gives numbers of BF16 from 1/64 to 1/4, of both signs, and zeros. */
  private static Tensor fill(long rows, long columns, Kept kept) {
    int count = Math.toIntExact(rows * columns);
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(DTYPE.bytes() * count).order(ByteOrder.LITTLE_ENDIAN);
    SplittableRandom random = new SplittableRandom(count);
    for (int i = 0; i < count; i++) {
      int bits = random.nextInt();
      boolean keep = kept.test(random, i);
      bytes.putShort((short) (keep ? (0x3C80 + (bits & 0x1FF)) | (bits & 0x8000) : 0));
    }
    return Tensor.of(DTYPE, bytes.flip(), rows, columns);
  }
}
