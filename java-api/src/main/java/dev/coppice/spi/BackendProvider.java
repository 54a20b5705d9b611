package dev.coppice.spi;

/**
 * Finds out whether a backend can be used, and makes it; found with {@link
 * java.util.ServiceLoader}.
 */
public interface BackendProvider {
  /** Gives the backend's name. */
  String name();

  /**
   * Gives its rank under {@code auto}: the highest that is available is taken. Reference has 0,
   * native 100, cuda 200.
   */
  int rank();

  /**
   * Says whether the backend can be used on this machine, or why not; never throws, and is quick
   * when called again.
   */
  Availability availability();

  /** Makes the backend; called only if it is available. */
  Backend create();
}
