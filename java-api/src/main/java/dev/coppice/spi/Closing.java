package dev.coppice.spi;

import java.util.ArrayList;
import java.util.List;

/** Closes several things one after the other, each of them also where one before it fails to be. */
public final class Closing {
  private Closing() {}

  /** Runs all steps, and then throws the first failure, which carries the others. */
  public static void all(List<Runnable> steps) {
    List<RuntimeException> failures = new ArrayList<>();
    for (Runnable step : steps) {
      try {
        step.run();
      } catch (RuntimeException e) {
        failures.add(e);
      }
    }
    if (!failures.isEmpty()) {
      RuntimeException first = failures.get(0);
      failures.subList(1, failures.size()).forEach(first::addSuppressed);
      throw first;
    }
  }
}
