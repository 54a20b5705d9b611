package dev.coppice.spi;

/** Adds up Gram matrices; safe for use by several threads. Whoever opened it closes it last. */
@FunctionalInterface
public interface GramBackend extends AutoCloseable {
  /**
   * Begins a matrix of zeros.
   *
   * @param columns how many numbers of a row are multiplied with it, the first ones
   * @param width how many numbers a row has
   * @throws dev.coppice.DeviceException if a device fails, or has not the memory
   */
  GramSums begin(int columns, int width);

  @Override
  default void close() {}
}
