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
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.SplittableRandom;

/**
 * Measures products of pruned layers, by every provider that there is, dense ones included, but
 * those that {@code -Dcoppice.bench.without} names. Each product goes over several copies of its
 * weights in turn, four times the second-level cache, so that none is read from there. A provider
 * that fails is not asked again; the others go on.
 */
final class GpuLinear {
  private record Layer(int out, int in) {}

  private static final List<Layer> LAYERS =
      List.of(new Layer(4096, 4096), new Layer(14336, 4096), new Layer(4096, 14336));
  private static final long[] BATCHES = {1, 8, 16, 64, 512, 4096};
  private static final double[] SPARSITIES = {0.5, 0.7, 0.8};

  /** From here on, and up to so many rows of x, CSR may be worth something. */
  private static final double LEAST_CSR_SPARSITY = 0.8;

  private static final long MOST_CSR_ROWS = 64;
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
    this.providers = usable();
  }

  /** Gives the providers that can be used, our own first, and notes of all whether they can. */
  private List<LinearProvider> usable() {
    List<String> without = List.of(System.getProperty("coppice.bench.without", "").split(",", -1));
    List<LinearProvider> usable = new ArrayList<>();
    for (LinearProvider provider : ServiceLoader.load(LinearProvider.class)) {
      if (without.contains(provider.name())) {
        note(provider, "left out", "its contract does not hold here");
      } else if (provider.availability(DEVICE) instanceof Availability.Unusable unusable) {
        note(provider, "unusable", unusable.reason());
      } else {
        usable.add(provider);
        note(provider, "measured", provider.availability(DEVICE).toString());
      }
    }
    usable.sort(Comparator.comparing(provider -> !provider.name().equals("cuda")));
    return usable;
  }

  private void note(LinearProvider provider, String result, String note) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("provider", provider.name());
    row.put("result", result);
    row.put("note", note);
    rows.add("providers", row);
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
      Tensor anywhere = weights(layer, sparsity, false);
      measure(layer, Format.BITMAP, sparsity, anywhere);
      if (sparsity >= LEAST_CSR_SPARSITY) {
        measure(layer, Format.CSR, sparsity, anywhere);
      }
    }
  }

  private void measure(Layer layer, Format format, double sparsity, Tensor weights) {
    LinearWeights held = LinearWeights.compress(format, weights);
    for (LinearProvider provider : List.copyOf(providers)) {
      try {
        for (long batch : BATCHES) {
          long rowsOfX = small ? Math.min(batch, 70) : batch;
          boolean hopeless = format == Format.CSR && rowsOfX > MOST_CSR_ROWS;
          if (!hopeless && provider.formats(DEVICE, DTYPE, rowsOfX).contains(format)) {
            measure(layer, provider, held, sparsity, rowsOfX);
          }
        }
      } catch (RuntimeException e) {
        providers.remove(provider);
        note(provider, "failed", String.valueOf(e.getMessage()));
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
      Joules joules = new Joules(bench::joules);
      Samples samples =
          Samples.take(
              MOST_SECONDS,
              () -> {
                double all = bench.seconds(() -> operators.forEach(o -> o.apply(x, y, stream)));
                joules.ran(operators.size(), all);
                return all / operators.size();
              });
      Map<String, Object> row = row(layer, provider, held, sparsity, batch);
      add(row, samples, joules, operators.get(0).bytes());
    } finally {
      operators.forEach(LinearOperator::close);
    }
  }

  private static Map<String, Object> row(
      Layer layer, LinearProvider provider, LinearWeights held, double sparsity, long batch) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("shape", layer.out + "x" + layer.in);
    row.put("dtype", DTYPE);
    row.put("batch", batch);
    row.put("provider", provider.name());
    row.put("format", held.format().title());
    row.put("sparsity", sparsity);
    return row;
  }

  private void add(Map<String, Object> row, Samples samples, Joules joules, long bytes) {
    row.put("samples", samples.count());
    row.put("median_ms", samples.median() * 1e3);
    row.put("low_ms", samples.low() * 1e3);
    row.put("high_ms", samples.high() * 1e3);
    row.put("bytes", bytes);
    row.put("weights_gb_per_second", bytes / samples.median() * 1e-9);
    OptionalDouble ofOne = joules.ofOne();
    row.put("millijoules", ofOne.isPresent() ? ofOne.getAsDouble() * 1e3 : "");
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
