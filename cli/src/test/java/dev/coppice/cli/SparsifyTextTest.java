package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.evaluation.Latency;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class SparsifyTextTest {
  /** Says what is concluded of fifty runs, half of them within so much of the median. */
  private static String conclusion(double ratio, double range, boolean planned) {
    Latency latency =
        new Latency(
            new Latency.Spread(1, 1 - range, 1 + range),
            new Latency.Spread(ratio, ratio * (1 - range), ratio * (1 + range)),
            ratio,
            50,
            2);
    return String.join(" ", SparsifyText.conclusion(latency, planned, false, OptionalInt.empty()));
  }

  @Test
  void onlyWhatIsBeyondTheSpreadOfRunsIsCalledFasterOrSlower() {
    assertThat(conclusion(0.5, 0.1, true)).isEqualTo("It is faster here, with these inputs.");
    assertThat(conclusion(0.96, 0.001, true)).startsWith("It is hardly faster here");
    assertThat(conclusion(0.9, 0.5, true)).startsWith("It is hardly faster here");
    assertThat(conclusion(1.1, 0.5, true)).startsWith("It is hardly faster here");
    assertThat(conclusion(1.1, 0.01, true)).startsWith("It is not faster: the dense model");
  }

  @Test
  void withoutAPlanItSaysThatNoLayerWasMeasured() {
    assertThat(conclusion(0.5, 0.1, false))
        .endsWith(
            "; no layer was measured by itself: coppice bench model and --plan do that, and"
                + " leave those dense that lose.");
  }
}
