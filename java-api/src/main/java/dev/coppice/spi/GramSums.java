package dev.coppice.spi;

/**
 * A Gram matrix that is being added up, in F64 and where it is computed: of the rows R, the first
 * columns of R transposed times R. What is not finite makes sums that are not. Sums of one backend
 * on one machine are the same in each run, those of another may differ in their last bits. For one
 * thread at a time. What a device fails at is thrown as a {@link dev.coppice.DeviceException}; then
 * there is nothing to do but to close it.
 */
public interface GramSums extends AutoCloseable {
  /**
   * Adds the products of some rows.
   *
   * @param rows each as wide as was said; the caller may use them again
   * @param count how many of them
   */
  void add(double[][] rows, int count);

  /**
   * Gives the sums: for each column an array of its products with itself and with each number to
   * the right of it. Called once, after all rows.
   */
  double[][] read();

  @Override
  void close();
}
