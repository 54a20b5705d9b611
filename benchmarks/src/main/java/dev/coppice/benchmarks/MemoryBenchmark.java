package dev.coppice.benchmarks;

import dev.coppice.simd.MemoryProbe;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
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

/**
 * The floor: reading memory and copying it, with the pruner's threads and slices. Two probes each,
 * in C++ and in plain Java; the better one counts.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3)
@Measurement(iterations = 15)
@Fork(
    value = 1,
    jvmArgsAppend = {"-Xmx256m", "-XX:MaxDirectMemorySize=4g"})
public class MemoryBenchmark {
  /** How much is read, and how much is copied. */
  @Param("400000000")
  public int bytes;

  /** Who reads and copies: {@code native} or {@code java}. */
  @Param({"native", "java"})
  public String probe = "";

  private ByteBuffer from = ByteBuffer.allocate(0);
  private ByteBuffer to = ByteBuffer.allocate(0);
  private boolean isNative;

  /** Touches all of the memory, so that none of it is a shared page of zeros. */
  @Setup(Level.Trial)
  public void make() throws IOException {
    from = Passes.direct(bytes);
    to = Passes.direct(bytes);
    Input.GAUSSIAN.fill(from, dev.coppice.DType.F32, 1);
    isNative = probe.equals("native");
    if (isNative) {
      MemoryProbe.load();
    }
    Passes.forEach(WorkPool.shared(), bytes, (at, size) -> to.put(at, from, at, size));
  }

  /** Reads it all. */
  @Benchmark
  public long read() throws IOException {
    LongAdder sum = new LongAdder();
    Passes.forEach(
        WorkPool.shared(),
        bytes,
        (at, size) -> sum.add(isNative ? MemoryProbe.read(from, at, size) : sum(at, size)));
    return sum.sum();
  }

  /** Copies it all. */
  @Benchmark
  public void copy() throws IOException {
    Passes.forEach(
        WorkPool.shared(),
        bytes,
        (at, size) -> {
          if (isNative) {
            MemoryProbe.copy(to, from, at, size);
          } else {
            to.put(at, from, at, size);
          }
        });
  }

  /** Four sums at once: one would wait for its own last addition. */
  private long sum(int at, int size) {
    long a = 0;
    long b = 0;
    long c = 0;
    long d = 0;
    for (int i = at; i <= at + size - 32; i += 32) {
      a += from.getLong(i);
      b += from.getLong(i + 8);
      c += from.getLong(i + 16);
      d += from.getLong(i + 24);
    }
    return a + b + c + d;
  }
}
