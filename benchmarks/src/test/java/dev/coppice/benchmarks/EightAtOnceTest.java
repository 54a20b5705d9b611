package dev.coppice.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Cancellation;
import dev.coppice.DType;
import dev.coppice.ProgressListener;
import dev.coppice.Pruner;
import dev.coppice.PruningCancelledException;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Eight checkpoints at once, file to file, on the pool of a process with a heap of 256 MiB. */
class EightAtOnceTest {
  private static final int CALLS = 8;
  private static final int WEIGHTS = 4 << 20;

  @TempDir Path folder;

  @Test
  void eightAtOnceWriteWhatOneAfterTheOtherWrites() throws Exception {
    assertThat(Runtime.getRuntime().maxMemory()).isLessThanOrEqualTo(256L << 20);
    makeInputs();
    for (int i = 0; i < CALLS; i++) {
      prune(i, "alone", new Cancellation(), ProgressListener.NONE);
    }
    long[] done = new long[CALLS];
    long[] total = new long[CALLS];

    List<Boolean> outcomes =
        allAtOnce(
            i ->
                prune(
                    i,
                    "together",
                    new Cancellation(),
                    (phase, now, of) -> {
                      done[i] = now;
                      total[i] = of;
                    }));

    assertThat(outcomes).containsOnly(true);
    for (int i = 0; i < CALLS; i++) {
      assertThat(Files.mismatch(file("alone", i), file("together", i)))
          .as("file %d", i)
          .isEqualTo(-1);
      assertThat(done[i]).as("progress of call %d", i).isPositive().isEqualTo(total[i]);
    }
    assertOnly("in", "alone", "together");
  }

  @Test
  void whatIsCancelledLeavesNothingBehindAndTheOthersGoOn() throws Exception {
    makeInputs();
    List<Boolean> outcomes =
        allAtOnce(
            i -> {
              Cancellation cancellation = new Cancellation();
              ProgressListener stop = (phase, done, total) -> cancellation.cancel();
              return prune(i, "out", cancellation, i % 2 == 0 ? ProgressListener.NONE : stop);
            });

    for (int i = 0; i < CALLS; i++) {
      assertThat(outcomes.get(i)).as("call %d ended on its own", i).isEqualTo(i % 2 == 0);
      assertThat(Files.exists(file("out", i))).as("output %d", i).isEqualTo(i % 2 == 0);
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.count()).as("files in the folder").isEqualTo(CALLS + CALLS / 2);
    }
  }

  private interface Call {
    boolean run(int number) throws IOException;
  }

  private static List<Boolean> allAtOnce(Call call) throws Exception {
    ExecutorService clients = Executors.newFixedThreadPool(CALLS);
    try {
      List<Future<Boolean>> futures = new ArrayList<>();
      for (int i = 0; i < CALLS; i++) {
        int number = i;
        futures.add(clients.submit(() -> call.run(number)));
      }
      List<Boolean> outcomes = new ArrayList<>();
      for (Future<Boolean> future : futures) {
        outcomes.add(future.get());
      }
      return outcomes;
    } finally {
      clients.shutdown();
    }
  }

  /** Says whether the call ended without being cancelled. */
  private boolean prune(
      int number, String output, Cancellation cancellation, ProgressListener listener)
      throws IOException {
    Rule rule =
        List.of(Rule.unstructured(0.5, Scope.GLOBAL), Rule.unstructured(0.7), Rule.nOfM(2, 4))
            .get(number % 3);
    try (Checkpoint checkpoint = Checkpoints.open(file("in", number));
        Pruner pruner = Pruner.builder().cancellation(cancellation).listener(listener).build()) {
      pruner.prune(checkpoint, PruningPlan.of(rule), file(output, number), false);
      return true;
    } catch (PruningCancelledException e) {
      return false;
    }
  }

  private void makeInputs() throws IOException {
    for (int i = 0; i < CALLS; i++) {
      CheckpointMaker.write(file("in", i), i < 4 ? DType.BF16 : DType.F32, WEIGHTS, 3, i);
    }
  }

  private Path file(String kind, int number) {
    return folder.resolve(kind + number + ".safetensors");
  }

  private void assertOnly(String... kinds) throws IOException {
    List<Path> expected = new ArrayList<>();
    for (String kind : kinds) {
      for (int i = 0; i < CALLS; i++) {
        expected.add(file(kind, i));
      }
    }
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactlyInAnyOrderElementsOf(expected);
    }
  }
}
