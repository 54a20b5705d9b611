package dev.coppice.cli;

import dev.coppice.ProgressListener;

/**
 * Shows on stderr how far a call has come, once it has taken a second: as a bar on a terminal, as a
 * line now and then elsewhere.
 */
final class ProgressBar implements ProgressListener, AutoCloseable {
  private static final double PATIENCE = 1;
  private static final double BETWEEN_LINES = 10;
  private static final int BAR = 24;

  private final Console console;
  private final boolean wanted;
  private final boolean countsBytes;
  private final long begin = System.nanoTime();
  private double lastLine;
  private boolean drawn;
  private boolean closed;

  ProgressBar(Console console, boolean wanted) {
    this(console, wanted, true);
  }

  private ProgressBar(Console console, boolean wanted, boolean countsBytes) {
    this.console = console;
    this.wanted = wanted;
    this.countsBytes = countsBytes;
  }

  /** Makes one that is told of steps, not of bytes: it shows no rate. */
  static ProgressBar ofSteps(Console console, boolean wanted) {
    return new ProgressBar(console, wanted, false);
  }

  @Override
  public synchronized void progress(String phase, long done, long total) {
    double seconds = (System.nanoTime() - begin) * 1e-9;
    if (!wanted || closed || seconds < PATIENCE || total <= 0) {
      return;
    }
    double share = Math.min(1, (double) done / total);
    if (console.live()) {
      String bar = countsBytes ? bar(phase, share, done, seconds) : bar(phase, share);
      console.err().print("\r" + bar + "\u001B[K");
      console.err().flush();
      drawn = true;
    } else if (seconds - lastLine >= BETWEEN_LINES) {
      lastLine = seconds;
      console.err().println("coppice: " + phase + " " + Figures.wholePercent(share));
      console.err().flush();
    }
  }

  static String bar(String phase, double share, long done, double seconds) {
    return bar(phase, share) + "  " + Figures.rate(done, seconds);
  }

  private static String bar(String phase, double share) {
    int filled = (int) (share * BAR);
    return "[%s%s] %s  %s"
        .formatted(
            "=".repeat(filled), " ".repeat(BAR - filled), Figures.wholePercent(share), phase);
  }

  @Override
  public void close() {
    clear();
  }

  /** Takes the bar away, for good. */
  synchronized void clear() {
    closed = true;
    if (drawn) {
      drawn = false;
      console.err().print("\r\u001B[K");
      console.err().flush();
    }
  }
}
