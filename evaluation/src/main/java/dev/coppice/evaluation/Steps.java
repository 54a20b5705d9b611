package dev.coppice.evaluation;

import java.io.IOException;
import java.io.PrintStream;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Says on a stream what is being done, where that takes longer than a second: on a line that goes
 * again if the stream is a terminal, otherwise on one that stays.
 */
final class Steps implements AutoCloseable {
  /** Something that takes time. */
  @FunctionalInterface
  interface Step<T, E extends Exception> {
    T run() throws E, IOException;
  }

  private static final String CLEAR = "\r\033[K";

  private final PrintStream err;
  private final boolean terminal;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "coppice-demo-steps");
            thread.setDaemon(true);
            return thread;
          });

  private boolean said;

  Steps(PrintStream err, boolean terminal) {
    this.err = err;
    this.terminal = terminal;
  }

  <T, E extends Exception> T run(String what, Step<T, E> step) throws E, IOException {
    AtomicBoolean running = new AtomicBoolean(true);
    Future<?> notice = clock.schedule(() -> say(what, running), 1, TimeUnit.SECONDS);
    try {
      return step.run();
    } finally {
      notice.cancel(false);
      end(running);
    }
  }

  private synchronized void say(String what, AtomicBoolean running) {
    if (!running.get()) {
      return;
    }
    said = true;
    if (terminal) {
      err.print("... " + what);
      err.flush();
    } else {
      err.println("... " + what);
    }
  }

  private synchronized void end(AtomicBoolean running) {
    running.set(false);
    if (said && terminal) {
      err.print(CLEAR);
      err.flush();
    }
    said = false;
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}
