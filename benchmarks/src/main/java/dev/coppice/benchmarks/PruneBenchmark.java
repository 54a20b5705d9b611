package dev.coppice.benchmarks;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Pruning a tensor in memory, in place, from the call to its report. Pruning changes its input, so
 * every call gets the weights as they were, restored outside the measured time.
 */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3)
@Measurement(iterations = 9)
@Fork(
    value = 1,
    jvmArgsAppend = {"-Xmx256m", "-XX:MaxDirectMemorySize=4g"})
public class PruneBenchmark {
  /** How many weights. */
  @Param("100000000")
  public int weights;

  /** Their type. */
  @Param({"F32", "BF16"})
  public DType dtype = DType.F32;

  /** What is pruned: {@code global}, {@code tensor} or {@code 2:4}. */
  @Param({"global", "tensor", "2:4"})
  public String rule = "";

  /** What the weights are like. */
  @Param({"GAUSSIAN", "UNIFORM", "EQUAL", "HALF_ZERO"})
  public Input input = Input.GAUSSIAN;

  /** Who prunes. */
  @Param("native")
  public String backend = "";

  private ByteBuffer original = ByteBuffer.allocate(0);
  private ByteBuffer data = ByteBuffer.allocate(0);
  private Tensor tensor = Tensor.of(new float[0], 0);
  private PruningPlan plan = PruningPlan.of(Rule.nOfM(2, 4));
  private Pruner pruner = Pruner.builder().backend("reference").build();

  /** Makes the weights. */
  @Setup(Level.Trial)
  public void make() {
    original = Passes.direct(weights * dtype.bytes());
    data = Passes.direct(weights * dtype.bytes());
    input.fill(original, dtype, 1);
    long columns = Math.min(weights, 10_000);
    tensor = Tensor.of(dtype, data, weights / columns, columns);
    plan = PruningPlan.of(rule(rule));
    pruner = Pruner.builder().backend(backend).build();
  }

  /** Restores the weights. */
  @Setup(Level.Invocation)
  public void restore() throws IOException {
    Passes.forEach(
        WorkPool.shared(), data.capacity(), (at, size) -> data.put(at, original, at, size));
  }

  /** Gives the pruner back. */
  @TearDown(Level.Trial)
  public void close() {
    pruner.close();
  }

  /** Prunes half of the weights. */
  @Benchmark
  public PruningReport prune() {
    return pruner.prune(tensor, plan);
  }

  static Rule rule(String name) {
    return switch (name) {
      case "global" -> Rule.unstructured(0.5, Scope.GLOBAL);
      case "tensor" -> Rule.unstructured(0.5, Scope.TENSOR);
      case "2:4" -> Rule.nOfM(2, 4);
      default -> throw new IllegalArgumentException("no rule is called " + name);
    };
  }
}
