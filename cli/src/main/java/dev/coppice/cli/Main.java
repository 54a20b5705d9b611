package dev.coppice.cli;

import dev.coppice.Cancellation;

/** Starts the command line. */
public final class Main {
  private Main() {}

  /**
   * Runs a command and ends the process with its status. When somebody ends the process earlier
   * (SIGINT, SIGTERM), the command is cancelled and gets time to remove what it has written.
   */
  public static void main(String[] args) {
    Cancellation cancellation = new Cancellation();
    Ending ending = Ending.of(cancellation);
    Console console = Console.system();
    int status = ExitStatus.INTERNAL;
    try {
      status = Coppice.run(args, new Session(console, cancellation));
    } finally {
      console.flush();
      status = ending.ended(status);
    }
    System.exit(status);
  }
}
