package dev.coppice.evaluation;

import java.io.PrintStream;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;

/** Says on a stream what is being done, where that takes longer than a second. */
final class Steps implements AutoCloseable {
  /** Something that takes time. */
  @FunctionalInterface
  interface Step<T, E extends Exception> {
    T run() throws E, java.io.IOException;
  }

  private final PrintStream err;
  private final ScheduledExecutorService clock =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "coppice-demo-steps");
            thread.setDaemon(true);
            return thread;
          });

  Steps(PrintStream err) {
    this.err = err;
  }

  <T, E extends Exception> T run(String what, Step<T, E> step) throws E, java.io.IOException {
    ScheduledFuture<?> notice =
        clock.schedule(() -> err.println("... " + what), 1, TimeUnit.SECONDS);
    try {
      return step.run();
    } finally {
      notice.cancel(false);
    }
  }

  @Override
  public void close() {
    clock.shutdownNow();
  }
}
