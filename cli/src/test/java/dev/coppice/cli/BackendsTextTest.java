package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Backends;
import dev.coppice.cli.BackendsText.Row;
import dev.coppice.spi.Availability;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class BackendsTextTest {
  private static Backends.Entry usable(String name, int rank, long worthwhile, String runsOn) {
    return new Backends.Entry(name, rank, worthwhile, new Availability.Usable(runsOn));
  }

  private static final Row NATIVE =
      new Row(usable("native", 100, 0, "AVX2"), OptionalDouble.of(10.86), List.of());
  private static final Row REFERENCE =
      new Row(usable("reference", 0, 0, "plain Java 17"), OptionalDouble.empty(), List.of());

  @Test
  void detailsStandBelowTheirBackendAndNothingPassesTheWidth() {
    Row cuda =
        new Row(
            usable("cuda", 200, 1_000_000_000, "GPU of a test, compute capability 9.0"),
            OptionalDouble.of(123.456),
            List.of(
                "device 0: GPU of a test, 140.0 GB of memory, compute capability 9.0, driver 13.0",
                "device 1:\u001b[2J"));
    assertThat(BackendsText.lines(List.of(cuda, NATIVE, REFERENCE), OptionalInt.of(80)))
        .containsExactly(
            "backend        pruning  runs on",
            "cuda       123.46 GB/s  GPU of a test, compute capability 9.0  (auto takes it",
            "                        from 1.0 GB on)",
            "                        device 0: GPU of a test, 140.0 GB of memory, compute",
            "                        capability 9.0, driver 13.0",
            "                        device 1:.[2J",
            "native      10.86 GB/s  AVX2  (auto takes this one)",
            "reference            -  plain Java 17");
  }

  @Test
  void autoTakesNeitherWhatCannotBeUsedNorWhatIsRankedBelowAll() {
    Row broken =
        new Row(
            new Backends.Entry("cuda", 200, 0, new Availability.Unusable("there is no driver")),
            OptionalDouble.empty(),
            List.of());
    Row last = new Row(usable("odd", -1, 0, "a test"), OptionalDouble.empty(), List.of());
    assertThat(BackendsText.lines(List.of(broken, REFERENCE, last), OptionalInt.empty()))
        .containsExactly(
            "backend    pruning  runs on",
            "cuda             -  cannot be used: there is no driver",
            "reference        -  plain Java 17  (auto takes this one)",
            "odd              -  a test");
  }
}
