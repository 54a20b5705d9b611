package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.reference.ReferenceGram;
import dev.coppice.spi.Availability;
import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramProvider;
import dev.coppice.spi.GramSums;
import java.util.List;
import org.junit.jupiter.api.Test;

class GramsTest {
  private int open;

  /** Sums that are never added to, which cannot be closed in good order. */
  private final class Stuck implements GramProvider, GramBackend, GramSums {
    @Override
    public String name() {
      return "device";
    }

    @Override
    public Availability availability() {
      return new Availability.Usable("a test");
    }

    @Override
    public long worthwhile() {
      return 1;
    }

    @Override
    public GramBackend open() {
      open++;
      return this;
    }

    @Override
    public GramSums begin(int columns, int width) {
      open++;
      return this;
    }

    @Override
    public void add(double[][] rows, int count) {
      throw new AssertionError();
    }

    @Override
    public double[][] read() {
      throw new AssertionError();
    }

    @Override
    public void close() {
      open--;
      throw new IllegalStateException("stuck " + open);
    }
  }

  @Test
  void allSumsAreClosedAlsoWhereTheyAreManyAndFailToBe() {
    int groups = 50_000;
    RepairBackend backend = RepairBackend.of("device", List.of(new Stuck(), new ReferenceGram()));
    Grams sums = new Grams(backend);
    for (int i = 0; i < groups; i++) {
      sums.begin(0, 0, 1);
    }
    assertThatThrownBy(sums::close).hasMessage("stuck " + groups);
    assertThatThrownBy(backend::close).hasMessage("stuck 0");
    sums.close();
    backend.close();
    assertThat(open).isZero();
  }

  @Test
  void whoMayAddUpIsNamedWithWhatItCalls() {
    List<GramProvider> providers = List.of(new ReferenceGram(), new Stuck());
    assertThat(RepairBackend.of("auto", providers).runsOn())
        .isEqualTo("device a test; reference plain Java");
    assertThat(RepairBackend.of("device", providers).runsOn()).isEqualTo("device a test");
    assertThat(RepairBackend.reference().runsOn()).isEqualTo("reference plain Java");
  }
}
