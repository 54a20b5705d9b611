package dev.coppice.cli;

import dev.coppice.Cancellation;
import dev.coppice.evaluation.OnnxRuntime;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * How a process ends that somebody interrupts: the command is cancelled, and the process ends once
 * it has. Left to itself Java would begin at once to shut down, and ONNX Runtime would close its
 * environment there while a model runs in it, which ends the process with a crash.
 */
final class Ending {
  private static final Map<String, Integer> SIGNALS = Map.of("HUP", 1, "INT", 2, "TERM", 15);
  private static final int SIGNALLED = 128;
  private static final long PATIENCE_SECONDS = 60;

  private final Cancellation cancellation;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile int status;

  private Ending(Cancellation cancellation) {
    this.cancellation = cancellation;
  }

  /** Sees to it from now on; where signals cannot be heard, at least when Java shuts down. */
  static Ending of(Cancellation cancellation) {
    Ending ending = new Ending(cancellation);
    Runtime.getRuntime().addShutdownHook(new Thread(ending::cancel, "coppice-cancel"));
    try {
      ending.listen();
    } catch (ReflectiveOperationException e) {
      return ending; // This Java has no such classes.
    }
    return ending;
  }

  /** Hears of signals by classes that every Java has, and that are no part of its platform. */
  private void listen() throws ReflectiveOperationException {
    Class<?> signal = Class.forName("sun.misc.Signal");
    Class<?> handler = Class.forName("sun.misc.SignalHandler");
    for (Map.Entry<String, Integer> each : SIGNALS.entrySet()) {
      Object heard =
          Proxy.newProxyInstance(
              handler.getClassLoader(),
              new Class<?>[] {handler},
              (proxy, method, arguments) -> {
                if (method.getName().equals("handle")) {
                  end(SIGNALLED + each.getValue());
                }
                return null;
              });
      try {
        signal
            .getMethod("handle", signal, handler)
            .invoke(null, signal.getConstructor(String.class).newInstance(each.getKey()), heard);
      } catch (InvocationTargetException e) {
        // The system has none of that name, or Java was told not to hear it.
      }
    }
  }

  /** Waits for the command the first time; whoever interrupts again does not want to wait. */
  private void end(int signalled) {
    boolean again = status != 0;
    status = signalled;
    if (again || !cancel()) {
      Runtime.getRuntime().halt(signalled);
    }
  }

  /** Cancels the command, and says whether it has ended. */
  private boolean cancel() {
    cancellation.cancel();
    OnnxRuntime.stop();
    try {
      if (ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        return true;
      }
      System.err.println("coppice: ended before it could clean up; the next run does it");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  /**
   * Notes that the command has ended, and gives what the process is to end with.
   *
   * @param own the command's own status
   */
  int ended(int own) {
    ended.countDown();
    return status == 0 ? own : status;
  }
}
