package dev.coppice.evaluation.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.InvalidPlanException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DropSearchTest {
  private static final DropSearch.Listener NOBODY = (what, trial, done, expected) -> {};

  /** Layers of equal cost whose scores fall by weight * (share that went)^2 each. */
  private static final class Quadratic implements Subject {
    private final List<Layer> layers;
    private final double[] weights;
    private int measured;
    private int failAfter = Integer.MAX_VALUE;

    Quadratic(double... weights) {
      this.weights = weights;
      this.layers =
          IntStream.range(0, weights.length)
              .mapToObj(i -> new Layer("layer" + i, 64, 8, 8))
              .toList();
    }

    @Override
    public List<Layer> layers() {
      return layers;
    }

    @Override
    public double left(List<Integer> kept) {
      return kept.stream().mapToInt(Integer::intValue).sum() / (64.0 * weights.length);
    }

    @Override
    public double score(List<Integer> kept) throws IOException {
      if (measured == failAfter) {
        throw new IOException("no more");
      }
      measured++;
      return exact(kept);
    }

    double exact(List<Integer> kept) {
      double score = 0.9;
      for (int i = 0; i < weights.length; i++) {
        double gone = 1 - kept.get(i) / 64.0;
        score -= weights[i] * gone * gone;
      }
      return score;
    }

    /** Gives the least that can be left within a drop, by trying all counts. */
    double best(double drop) {
      return best(new ArrayList<>(), drop);
    }

    private double best(List<Integer> kept, double drop) {
      if (kept.size() == weights.length) {
        return exact(kept) >= 0.9 - drop ? left(kept) : 1;
      }
      double best = 1;
      for (int count = 8; count <= 64; count += 8) {
        kept.add(count);
        best = Math.min(best, best(kept, drop));
        kept.remove(kept.size() - 1);
      }
      return best;
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.003, 0.01, 0.03, 0.1, 0.3})
  void whatIsFoundIsWithinTheDropAndNearTheBestThereIs(double drop) throws IOException {
    Quadratic subject = new Quadratic(0.02, 0.1, 0.5, 0.05);
    DropSearch.Outcome outcome = DropSearch.run(subject, drop, ScoreLog.inMemory(), NOBODY);
    assertThat(outcome.best().score()).isGreaterThanOrEqualTo(0.9 - drop);
    assertThat(outcome.best().left()).isLessThanOrEqualTo(subject.best(drop) + 0.07);
    assertThat(outcome.best().left()).isEqualTo(subject.left(outcome.best().kept()));
  }

  @Test
  void layersThatSufferMoreKeepMore() throws IOException {
    DropSearch.Outcome outcome =
        DropSearch.run(new Quadratic(0.01, 0.1, 1), 0.05, ScoreLog.inMemory(), NOBODY);
    assertThat(outcome.best().kept()).isSorted().doesNotHaveDuplicates();
    assertThat(outcome.curves()).hasSize(3);
    assertThat(outcome.curves().get(2).points())
        .extracting(Curve.Point::kept)
        .containsExactly(48, 32, 16);
    assertThat(outcome.curves().get(2).points().get(1).drop()).isEqualTo(0.25);
  }

  @Test
  void whereEveryModelIsGoodEnoughTheSmallestIsTaken() throws IOException {
    DropSearch.Outcome outcome =
        DropSearch.run(new Quadratic(0.1, 0.1), 1, ScoreLog.inMemory(), NOBODY);
    assertThat(outcome.best().kept()).containsExactly(16, 16);
  }

  @Test
  void whereNoneIsTheDenseOneStays() throws IOException {
    DropSearch.Outcome outcome =
        DropSearch.run(new Quadratic(50, 50), 1e-6, ScoreLog.inMemory(), NOBODY);
    assertThat(outcome.best().kept()).containsExactly(64, 64);
    assertThat(outcome.best()).isEqualTo(outcome.dense());
  }

  @Test
  void aSearchThatWasBrokenOffGoesOnWhereItWas(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("new").resolve("scores");
    Quadratic whole = new Quadratic(0.02, 0.1, 0.5);
    DropSearch.Outcome expected = DropSearch.run(whole, 0.05, ScoreLog.inMemory(), NOBODY);
    Quadratic broken = new Quadratic(0.02, 0.1, 0.5);
    broken.failAfter = 5;
    ScoreLog first = ScoreLog.open(file);
    assertThatThrownBy(() -> DropSearch.run(broken, 0.05, first, NOBODY)).hasMessage("no more");
    Files.writeString(file, Files.readString(file) + "=64,64,8 0.1");
    Quadratic resumed = new Quadratic(0.02, 0.1, 0.5);
    DropSearch.Outcome found = DropSearch.run(resumed, 0.05, ScoreLog.open(file), NOBODY);
    assertThat(found).isEqualTo(expected);
    assertThat(resumed.measured).isEqualTo(whole.measured - 5);
    Quadratic again = new Quadratic(0.02, 0.1, 0.5);
    assertThat(DropSearch.run(again, 0.05, ScoreLog.open(file), NOBODY)).isEqualTo(expected);
    assertThat(again.measured).isZero();
  }

  @Test
  void progressSaysWhatAndHowMuchIsLeftToDo() throws IOException {
    List<String> seen = new ArrayList<>();
    DropSearch.run(
        new Quadratic(0.02, 0.5),
        0.05,
        ScoreLog.inMemory(),
        (what, trial, done, expected) -> {
          assertThat(done).isEqualTo(seen.size() + 1).isLessThanOrEqualTo(expected);
          seen.add(what);
        });
    assertThat(seen)
        .startsWith("dense", "layer0", "layer0", "layer0", "layer1")
        .endsWith("all layers");
  }

  @Test
  void theFrontHasNothingThatAnotherBeatsAndAKnee() {
    Trial small = trial(0.1, 0.2);
    Trial knee = trial(0.3, 0.85);
    Trial late = trial(0.6, 0.88);
    Trial dense = trial(1, 0.9);
    Front front = Front.of(List.of(dense, trial(0.7, 0.5), late, small, trial(0.3, 0.8), knee));
    assertThat(front.trials()).containsExactly(small, knee, late, dense);
    assertThat(front.knee()).isEqualTo(knee);
    assertThat(Front.of(List.of(dense)).knee()).isEqualTo(dense);
  }

  private static Trial trial(double left, double score) {
    return new Trial(List.of(1), left, score);
  }

  @Test
  void whatIsDearerThanWhatItSavesStays() {
    Curve curve =
        new Curve(
            new Layer("a", 64, 8, 8),
            List.of(
                new Curve.Point(48, 0.1, -0.02),
                new Curve.Point(32, 0.2, 0.1),
                new Curve.Point(16, 0.3, 0.05)));
    assertThat(curve.keep(0)).isEqualTo(64);
    assertThat(curve.keep(0.01)).isEqualTo(48);
    // The first and the second quarter for 0.1: noise makes the third one free.
    assertThat(curve.keep(0.3)).isEqualTo(48);
    assertThat(curve.keep(0.6)).isEqualTo(16);
    assertThat(curve.highest()).isEqualTo(0.1 / 0.1);
  }

  @Test
  void dropsBelowZeroAreRefused() {
    assertThatThrownBy(() -> DropSearch.run(new Quadratic(1), -0.1, ScoreLog.inMemory(), NOBODY))
        .isInstanceOf(InvalidPlanException.class);
  }
}
