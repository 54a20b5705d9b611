package dev.coppice.benchmarks;

import dev.coppice.Amount;
import dev.coppice.Backends;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import dev.coppice.spi.Execution;
import dev.coppice.spi.Histogram;
import dev.coppice.spi.Ranking;
import dev.coppice.spi.Slice;
import dev.coppice.spi.SliceKernels;
import dev.coppice.spi.SlicedBackend;
import dev.coppice.spi.Tally;
import dev.coppice.spi.Window;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Each kernel by itself: one thread, slice after slice of memory that no cache holds. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 5)
@Measurement(iterations = 9)
@Fork(
    value = 1,
    jvmArgsAppend = {"-Xmx256m", "-XX:MaxDirectMemorySize=1g"})
public class KernelBenchmark {
  /** How many bytes of weights. */
  @Param("134217728")
  public int bytes;

  /** Their type. */
  @Param({"F32", "BF16"})
  public DType dtype = DType.F32;

  /** Who computes. */
  @Param({"native", "reference"})
  public String backend = "";

  private ByteBuffer original = ByteBuffer.allocate(0);
  private ByteBuffer data = ByteBuffer.allocate(0);
  private SliceKernels kernels = kernels("reference");
  private final Histogram histogram = new Histogram();
  private final Tally tally = new Tally();

  /** Makes the weights. */
  @Setup(Level.Trial)
  public void make() {
    original = Passes.direct(bytes);
    data = Passes.direct(bytes);
    Input.GAUSSIAN.fill(original, dtype, 1);
    kernels = kernels(backend);
  }

  /** Restores the weights. */
  @Setup(Level.Invocation)
  public void restore() {
    data.put(0, original, 0, bytes);
    histogram.clear(Window.MOST_BINS);
  }

  /** Counts all keys, in as many bins as there may be. */
  @Benchmark
  public long histogram() {
    int shift = dtype == DType.F32 ? 15 : 0;
    Window window = new Window(0, shift, dtype == DType.F32 ? 1 << 16 : 1 << 15);
    forEachSlice(slice -> kernels.histogram(slice, window, histogram));
    return histogram.below;
  }

  /** Zeroes what lies below the median. */
  @Benchmark
  public long apply() {
    int median = Float.floatToRawIntBits(0.6745f * 0.02f);
    long threshold = dtype == DType.F32 ? median : median >>> 16;
    forEachSlice(slice -> kernels.apply(slice, threshold, 0, tally));
    return tally.pruned;
  }

  /** Keeps two of every four. */
  @Benchmark
  public long twoOfFour() {
    forEachSlice(slice -> kernels.selectNofM(slice, 2, 4, 1, NanPolicy.REFUSE, tally));
    return tally.pruned;
  }

  /** Prunes half of every row of 4096. */
  @Benchmark
  public long rows() {
    Amount half = new Amount.Fraction(0.5);
    forEachSlice(
        slice ->
            kernels.selectRows(
                slice, 1, slice.elements() / 4096, 4096, half, NanPolicy.REFUSE, tally));
    return tally.pruned;
  }

  private interface Operation {
    void on(Slice slice);
  }

  private void forEachSlice(Operation operation) {
    int size = Execution.SLICE_BYTES;
    int elements = size / dtype.bytes();
    for (int at = 0; at + size <= bytes; at += size) {
      ByteBuffer part = data.slice(at, size).order(ByteOrder.LITTLE_ENDIAN);
      long first = at / dtype.bytes();
      operation.on(new Slice(part, dtype, new Ranking.Magnitude(), first, 1, elements, elements));
    }
  }

  private static SliceKernels kernels(String backend) {
    if (Backends.create(backend) instanceof SlicedBackend sliced) {
      return sliced.kernels();
    }
    throw new IllegalArgumentException("backend " + backend + " has no slice kernels");
  }
}
