package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.graph.Group.Kind;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ShrinkRequestTest {
  static List<Set<Kind>> orders() {
    return List.of(
        new LinkedHashSet<>(List.of(Kind.LAYERS, Kind.NEURONS, Kind.CHANNELS)),
        new LinkedHashSet<>(List.of(Kind.CHANNELS, Kind.LAYERS, Kind.NEURONS)));
  }

  @ParameterizedTest
  @MethodSource("orders")
  void whatIsAskedForHasOneTextWhateverTheOrderOfTheKinds(Set<Kind> kinds) {
    assertThat(ShrinkRequest.of(Metric.MACS, 0.5).with(0.5, kinds).toString())
        .contains("kinds=[channels, neurons, layers]");
  }
}
