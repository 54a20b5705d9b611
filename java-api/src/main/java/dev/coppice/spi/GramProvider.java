package dev.coppice.spi;

/**
 * Finds out whether a backend can add up Gram matrices; found with {@link java.util.ServiceLoader}.
 */
public interface GramProvider {
  /** Gives the name of the backend: {@code reference}, {@code cuda}. */
  String name();

  /**
   * Says whether it can be used on this machine, or why not; never throws, and is quick when called
   * again. {@link Availability.Usable#runsOn} names what it calls.
   */
  Availability availability();

  /**
   * Gives the multiplications, rows times columns times width, from which {@code auto} takes it for
   * a matrix: at least 1 where a device is used, 0 for plain Java, which takes all others.
   */
  long worthwhile();

  /**
   * Opens it.
   *
   * @throws dev.coppice.BackendUnavailableException if it cannot be used, with the reason
   */
  GramBackend open();
}
