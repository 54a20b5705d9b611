package dev.coppice.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Closes several things one after the other, each of them also where one before it fails to be. */
public final class Closing {
  private Closing() {}

  /** Runs all steps, and then throws the first failure, which carries the others. */
  public static void all(List<Runnable> steps) {
    @Nullable Throwable first = null;
    for (Runnable step : steps) {
      try {
        step.run();
      } catch (RuntimeException | Error e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first instanceof Error error) {
      throw error;
    }
    if (first instanceof RuntimeException exception) {
      throw exception;
    }
  }
}
