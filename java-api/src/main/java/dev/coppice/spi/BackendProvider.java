package dev.coppice.spi;

import java.util.Optional;

/**
 * Finds out whether a backend can be used, and makes it; found with {@link
 * java.util.ServiceLoader}.
 */
public interface BackendProvider {
  /** Gives the backend's name. */
  String name();

  /**
   * Gives its rank under {@code auto}: for each call the highest is taken that is available and
   * {@linkplain #worthwhileBytes worth it}; one below 0 never is. Reference has 0, native 100, cuda
   * 200.
   */
  int rank();

  /**
   * Says whether the backend can be used on this machine, or why not; never throws, and is quick
   * when called again.
   */
  Availability availability();

  /**
   * Gives the bytes of weights that a call must prune for {@code auto} to take this backend, for it
   * does not pay for less; asked for often, and before {@link #availability}.
   */
  default long worthwhileBytes() {
    return 0;
  }

  /**
   * Says why there is nothing here that it could run on, where that is known without asking a
   * driver; asked for before {@link #availability}, when a call does not pay.
   */
  default Optional<String> absence() {
    return Optional.empty();
  }

  /**
   * Says that it runs on CUDA devices: {@link #create} takes the number of any, and the backend
   * prunes tensors that lie on that one. The other backends run where the JVM does.
   */
  default boolean runsOnDevice() {
    return false;
  }

  /**
   * Makes the backend; called only if it is available.
   *
   * @param device the device's ordinal; 0 unless it {@linkplain #runsOnDevice runs on a device}
   * @throws dev.coppice.BackendUnavailableException if there is no such device, or it cannot be
   *     used
   */
  Backend create(int device);
}
