package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.spi.WorkPool;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** What a listener hears of a call. */
class ProgressTest {
  private static final WorkPool POOL = new WorkPool(4);

  /** Remembers what it heard, and whether it was called while it listened. */
  private static final class Recorder implements ProgressListener {
    private final List<long[]> heard = new ArrayList<>();
    private final AtomicBoolean listening = new AtomicBoolean();
    private boolean interrupted;

    @Override
    public void progress(String phase, long done, long total) {
      interrupted |= listening.getAndSet(true);
      heard.add(new long[] {done, total});
      listening.set(false);
    }
  }

  @Test
  void progressEndsAtItsTotalWhateverIsPruned() {
    check(Rule.unstructured(0.5));
    check(Rule.unstructured(0.5, Scope.GLOBAL));
    check(Rule.unstructured(0, Scope.GLOBAL));
    check(Rule.unstructured(1, Scope.GLOBAL));
    check(Rule.unstructured(0.5, Scope.ROW));
    check(Rule.unstructured(0.5, Scope.GLOBAL).by(new Criterion.Random()));
    check(Rule.nOfM(2, 4));
    check(Rule.nOfM(2, 4), Rule.unstructured(0.5).include("norm"));
    for (double share : new double[] {0, 0.5, 0.7}) {
      check(
          Rule.of(
              new Pattern.Unstructured(
                  Scope.GLOBAL, new Amount.Fraction(share), OptionalDouble.of(0.7))));
    }
  }

  private static void check(Rule... rules) {
    SplittableRandom random = new SplittableRandom(1);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (String name : new String[] {"small", "large", "norm"}) {
      int rows = name.equals("large") ? 1000 : 20;
      float[] weights = new float[rows * 500];
      for (int i = 0; i < weights.length; i++) {
        weights[i] = (float) random.nextGaussian() * rows;
      }
      tensors.put(name, Tensor.of(weights, rows, 500));
    }
    Recorder recorder = new Recorder();
    try (Pruner pruner =
        Pruner.builder()
            .backend("reference")
            .pool(POOL)
            .sliceBytes(4096)
            .listener(recorder)
            .build()) {
      pruner.prune(tensors, PruningPlan.of(rules));
    }
    String what = List.of(rules).toString();
    assertThat(recorder.interrupted).as("called by two threads at once, %s", what).isFalse();
    assertThat(recorder.heard).as(what).isNotEmpty();
    long before = 0;
    for (long[] now : recorder.heard) {
      assertThat(now[0]).as(what).isGreaterThanOrEqualTo(before);
      before = now[0];
    }
    long[] last = recorder.heard.get(recorder.heard.size() - 1);
    assertThat(last[0]).as("done at the end, %s", what).isPositive().isEqualTo(last[1]);
  }
}
