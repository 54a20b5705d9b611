package dev.coppice.cli;

import dev.coppice.Cancellation;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Starts the command line. */
public final class Main {
  private static final long PATIENCE_SECONDS = 60;

  private Main() {}

  /**
   * Runs a command and ends the process with its status. When somebody ends the process earlier
   * (SIGINT, SIGTERM), the command is cancelled and gets time to remove what it has written.
   */
  public static void main(String[] args) {
    Cancellation cancellation = new Cancellation();
    CountDownLatch ended = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(new Thread(() -> cancel(cancellation, ended), "coppice-cancel"));
    Console console = Console.system();
    int status = ExitStatus.INTERNAL;
    try {
      status = Coppice.run(args, new Session(console, cancellation, ended::countDown));
    } finally {
      console.flush();
      ended.countDown();
    }
    System.exit(status);
  }

  private static void cancel(Cancellation cancellation, CountDownLatch ended) {
    cancellation.cancel();
    try {
      if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("coppice: ended before it could clean up; the next run does it");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
