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
  private final long begin = System.nanoTime();
  private double lastLine;
  private boolean drawn;
  private boolean closed;

  ProgressBar(Console console, boolean wanted) {
    this.console = console;
    this.wanted = wanted;
  }

  @Override
  public synchronized void progress(String phase, long done, long total) {
    double seconds = (System.nanoTime() - begin) * 1e-9;
    if (!wanted || closed || seconds < PATIENCE || total <= 0) {
      return;
    }
    double share = Math.min(1, (double) done / total);
    if (console.live()) {
      console.err().print("\r" + bar(phase, share, done, seconds) + "\u001B[K");
      console.err().flush();
      drawn = true;
    } else if (seconds - lastLine >= BETWEEN_LINES) {
      lastLine = seconds;
      console.err().println("coppice: " + phase + " " + Figures.wholePercent(share));
      console.err().flush();
    }
  }

  static String bar(String phase, double share, long done, double seconds) {
    int filled = (int) (share * BAR);
    return "[%s%s] %s  %s  %s"
        .formatted(
            "=".repeat(filled),
            " ".repeat(BAR - filled),
            Figures.wholePercent(share),
            phase,
            Figures.rate(done, seconds));
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
