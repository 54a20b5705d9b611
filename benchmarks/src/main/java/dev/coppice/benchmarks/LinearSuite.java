package dev.coppice.benchmarks;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.ServiceLoader;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Products of one layer on the processor, format beside format and beside the dense ones of other
 * libraries. The candidates take turns, sample by sample: so no weights are left in a cache from
 * one sample of a candidate to its next, and what else the machine does hits all alike.
 */
final class LinearSuite {
  private static final int THREADS = 2;
  private static final int MOST_BATCH = 128;
  private static final long WARM_NANOS = 15_000_000;

  private final Results results;
  private final int out;
  private final int in;
  private final int samples;
  private final long pauseMillis;
  private final LinearProvider provider;
  private final String runsOn;

  private record Candidate(
      String format, double sparsity, String provider, long bytes, LinearCall call) {}

  /** Makes a product of the first rows of x ready to be run. */
  private interface LinearCall {
    Runnable on(ByteBuffer x, ByteBuffer y, int batch);
  }

  LinearSuite(Results results, boolean small) {
    this.results = results;
    this.out = small ? 64 : 4096;
    this.in = small ? 256 : 14336;
    this.pauseMillis = small ? 0 : 40;
    this.samples = small ? 3 : Integer.getInteger("coppice.bench.samples", 31);
    this.provider =
        ServiceLoader.load(LinearProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.name().equals("native"))
            .findFirst()
            .orElseThrow();
    Availability availability = provider.availability(Device.cpu(THREADS));
    if (!(availability instanceof Availability.Usable usable)) {
      throw new IllegalStateException(availability.toString());
    }
    this.runsOn = usable.runsOn();
  }

  void run() throws InterruptedException {
    measure(DType.F32, 1, 8, 16, 64, MOST_BATCH);
    measure(DType.BF16, 1, 8, 16, 64, MOST_BATCH);
  }

  private void measure(DType dtype, int... batches) throws InterruptedException {
    ByteBuffer x = Passes.direct(MOST_BATCH * in * dtype.bytes());
    Input.GAUSSIAN.fill(x, dtype, 2);
    ByteBuffer y = Passes.direct(MOST_BATCH * out * dtype.bytes());
    ByteBuffer dense = Passes.direct(out * in * dtype.bytes());
    Input.GAUSSIAN.fill(dense, dtype, 1);
    List<Candidate> candidates = new ArrayList<>();
    candidates.add(ours(Format.DENSE, 0, Tensor.of(dtype, dense, out, in), dtype));
    candidates.add(ours(Format.TWO_FOUR, 0.5, pruned(dense, dtype, 0.5, true), dtype));
    for (double sparsity : new double[] {0.5, 0.8, 0.9}) {
      candidates.add(ours(Format.BITMAP, sparsity, pruned(dense, dtype, sparsity, false), dtype));
    }
    candidates.add(ours(Format.CSR, 0.9, pruned(dense, dtype, 0.9, false), dtype));
    if (dtype == DType.F32) {
      // Neither multiplies BF16 on a processor.
      try (DenseProduct blas = OpenBlasProduct.of(dense, out, in, THREADS);
          DenseProduct onnx = new OnnxRuntimeProduct(dense, out, in, THREADS)) {
        candidates.add(new Candidate("dense", 0, "OpenBLAS", dense.capacity(), blas::on));
        candidates.add(new Candidate("dense", 0, "ONNX Runtime", dense.capacity(), onnx::on));
        for (int batch : batches) {
          measure(dtype, batch, candidates, x, y);
        }
      }
    } else {
      for (int batch : batches) {
        measure(dtype, batch, candidates, x, y);
      }
    }
  }

  private void measure(
      DType dtype, int batch, List<Candidate> candidates, ByteBuffer x, ByteBuffer y)
      throws InterruptedException {
    ByteBuffer inputs = x.slice(0, batch * in * dtype.bytes());
    ByteBuffer outputs = y.slice(0, batch * out * dtype.bytes());
    List<Runnable> runs =
        candidates.stream().map(c -> c.call().on(inputs, outputs, batch)).toList();
    boolean peers = candidates.stream().anyMatch(c -> !c.provider().startsWith(provider.name()));
    double[][] seconds = new double[runs.size()][samples];
    for (int sample = -2; sample < samples; sample++) {
      for (int i = 0; i < runs.size(); i++) {
        if (peers) {
          Thread.sleep(pauseMillis); // Until threads that spin have gone to sleep.
        }
        warm(candidates.get(i), runs.get(0), runs.get(i));
        long begin = System.nanoTime();
        runs.get(i).run();
        if (sample >= 0) {
          seconds[i][sample] = (System.nanoTime() - begin) * 1e-9;
        }
      }
    }
    List<Samples> taken =
        IntStream.range(0, runs.size()).mapToObj(i -> new Samples(seconds[i])).toList();
    double best =
        IntStream.range(0, runs.size())
            .filter(i -> candidates.get(i).format().equals("dense"))
            .mapToDouble(i -> taken.get(i).median())
            .min()
            .orElseThrow();
    for (int i = 0; i < runs.size(); i++) {
      add(dtype, batch, candidates.get(i), taken.get(i), best);
    }
  }

  /**
   * Wakes the threads that the candidate computes on, as the layers before it would in a model,
   * with dense weights, which leave none of the candidate's in a cache; for some milliseconds,
   * until a processor that slept is at its speed.
   */
  private static void warm(Candidate candidate, Runnable ours, Runnable own) {
    long begin = System.nanoTime();
    do {
      (candidate.format().equals("dense") ? own : ours).run();
    } while (System.nanoTime() - begin < WARM_NANOS);
  }

  private void add(DType dtype, int batch, Candidate candidate, Samples taken, double best) {
    results
        .add("linear")
        .with("shape", out + "x" + in)
        .with("dtype", dtype.name())
        .with("batch", batch)
        .with("format", candidate.format())
        .with("sparsity", String.format(Locale.ROOT, "%.0f %%", 100 * candidate.sparsity()))
        .with("provider", candidate.provider())
        .with("seconds", taken.median())
        .with("low", taken.low())
        .with("high", taken.high())
        .with("gigabytes_per_second", candidate.bytes() / taken.median() / 1e9)
        .with("speedup", best / taken.median());
  }

  private Candidate ours(Format format, double sparsity, Tensor weights, DType dtype) {
    LinearWeights held = LinearWeights.compress(format, weights);
    LinearOperator operator =
        provider.prepare(held, Optional.empty(), Device.cpu(THREADS), MOST_BATCH);
    return new Candidate(
        format.title(),
        sparsity,
        provider.name() + ", " + runsOn,
        operator.bytes(),
        (x, y, batch) -> {
          Tensor from = Tensor.of(dtype, x, batch, in);
          Tensor to = Tensor.of(dtype, y, batch, out);
          return () -> operator.apply(from, to, OptionalLong.empty());
        });
  }

  /** Gives a copy of weights of which that share is zero, drawn anywhere or two of each four. */
  private Tensor pruned(ByteBuffer dense, DType dtype, double sparsity, boolean fours) {
    ByteBuffer copy = Passes.direct(dense.capacity());
    copy.put(0, dense, 0, dense.capacity());
    int size = dtype.bytes();
    IntStream.range(0, out)
        .parallel()
        .forEach(
            row -> {
              SplittableRandom random = new SplittableRandom(row);
              for (int c = 0; c < in; c++) {
                boolean zero = fours ? (c + row) % 4 < 2 : random.nextDouble() < sparsity;
                for (int b = 0; zero && b < size; b++) {
                  copy.put((row * in + c) * size + b, (byte) 0);
                }
              }
            });
    return Tensor.of(dtype, copy, out, in);
  }
}
