package dev.coppice.cuda;

import dev.coppice.spi.Closing;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** What has to be given back: the last first. */
final class Kept implements AutoCloseable {
  private final Deque<Runnable> closes = new ArrayDeque<>();

  void add(Runnable close) {
    closes.push(close);
  }

  /** Gives all back; more may be added then. */
  @Override
  public void close() {
    List<Runnable> steps = List.copyOf(closes);
    closes.clear();
    Closing.all(steps);
  }
}
