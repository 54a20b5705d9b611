package dev.coppice.benchmarks;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Eight checkpoints, file to file, in a JVM of 256 MiB: one after the other, and all at once. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 2)
@Measurement(iterations = 7)
@Fork(value = 1, jvmArgsAppend = "-Xmx256m")
public class ServerBenchmark {
  private static final int CALLS = 8;
  private static final PruningPlan PLAN = PruningPlan.of(Rule.unstructured(0.5));

  /** The size of each checkpoint's weights. */
  @Param("134217728")
  public int bytes;

  /** Who prunes. */
  @Param("native")
  public String backend = "";

  private Path folder = Path.of("");
  private Pruner pruner = Pruner.builder().backend("reference").build();
  private ExecutorService clients = Executors.newFixedThreadPool(CALLS);

  /** Writes the checkpoints. */
  @Setup(Level.Trial)
  public void make() throws IOException {
    folder = Files.createTempDirectory("coppice-bench");
    for (int i = 0; i < CALLS; i++) {
      CheckpointMaker.write(input(i), DType.BF16, bytes / 2L, 4, i);
    }
    pruner = Pruner.builder().backend(backend).build();
  }

  /** Removes everything. */
  @TearDown(Level.Trial)
  public void remove() throws IOException {
    pruner.close();
    clients.shutdown();
    for (int i = 0; i < CALLS; i++) {
      Files.deleteIfExists(input(i));
      Files.deleteIfExists(output(i));
    }
    Files.delete(folder);
  }

  /** Prunes one checkpoint after the other. */
  @Benchmark
  public void oneAfterTheOther() {
    for (int i = 0; i < CALLS; i++) {
      prune(i);
    }
  }

  /** Prunes all checkpoints at once. */
  @Benchmark
  public void allAtOnce() throws ExecutionException, InterruptedException {
    List<Future<?>> calls = new ArrayList<>();
    for (int i = 0; i < CALLS; i++) {
      int number = i;
      calls.add(clients.submit(() -> prune(number)));
    }
    for (Future<?> call : calls) {
      call.get();
    }
  }

  private void prune(int number) {
    try (Checkpoint checkpoint = Checkpoints.open(input(number))) {
      pruner.prune(checkpoint, PLAN, output(number), true);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path input(int number) {
    return folder.resolve("in" + number + ".safetensors");
  }

  private Path output(int number) {
    return folder.resolve("out" + number + ".safetensors");
  }
}
