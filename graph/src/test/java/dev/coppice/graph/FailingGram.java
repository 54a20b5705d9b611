package dev.coppice.graph;

import dev.coppice.DeviceException;
import dev.coppice.reference.ReferenceGram;
import dev.coppice.spi.Availability;
import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramProvider;
import dev.coppice.spi.GramSums;
import java.util.Optional;

/** Sums of plain Java that a device seems to make, until a step of it fails. */
final class FailingGram implements GramProvider {
  /** What may fail; opening is no step of sums. */
  enum Step {
    OPEN,
    BEGIN,
    ADD,
    READ
  }

  private final long worthwhile;
  private final Optional<Step> failing;
  private final RuntimeException failure;
  private int countdown;
  private int open;
  private int begun;

  /**
   * @param failing what fails
   * @param countdown which time
   */
  FailingGram(long worthwhile, Optional<Step> failing, int countdown, RuntimeException failure) {
    this.worthwhile = worthwhile;
    this.failing = failing;
    this.countdown = countdown;
    this.failure = failure;
  }

  static FailingGram working(long worthwhile) {
    return new FailingGram(worthwhile, Optional.empty(), 0, new DeviceException(1, "never"));
  }

  /** Gives how often it was asked to begin sums. */
  int begun() {
    return begun;
  }

  /** Gives how much is open. */
  int alive() {
    return open;
  }

  private void step(Step step) {
    if (failing.equals(Optional.of(step))) {
      countdown--;
      if (countdown == 0) {
        throw failure;
      }
    }
  }

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
    return worthwhile;
  }

  @Override
  public GramBackend open() {
    step(Step.OPEN);
    open++;
    return new GramBackend() {
      @Override
      public GramSums begin(int columns, int width) {
        begun++;
        step(Step.BEGIN);
        open++;
        return new Sums(new ReferenceGram().open().begin(columns, width));
      }

      @Override
      public void close() {
        open--;
      }
    };
  }

  private final class Sums implements GramSums {
    private final GramSums real;

    Sums(GramSums real) {
      this.real = real;
    }

    @Override
    public void add(double[][] rows, int count) {
      step(Step.ADD);
      real.add(rows, count);
    }

    @Override
    public double[][] read() {
      step(Step.READ);
      return real.read();
    }

    @Override
    public void close() {
      open--;
    }
  }
}
