package dev.coppice.spi;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import java.util.Optional;
import java.util.Set;

/**
 * One way to compute y = x W^T + b: a library, or kernels of our own. Found with {@link
 * java.util.ServiceLoader}; safe for use by several threads.
 */
public interface LinearProvider {
  /** Gives its name: {@code reference}, {@code native}, {@code cuda}, {@code cublas}. */
  String name();

  /**
   * Says whether it can be used on a device, or why not; never throws, and is quick when called
   * again. {@link Availability.Usable#runsOn} names the versions of what it calls: it is part of
   * the key under which choices are saved.
   */
  Availability availability(Device device);

  /**
   * Gives the formats that it has a product for, with weights and operands of that type and that
   * many rows of x; asked only where it is available.
   */
  Set<Format> formats(Device device, DType dtype, long batch);

  /**
   * Makes the product of some weights, once for many calls: moves them to the device, or into the
   * order that its kernels read.
   *
   * @param weights kept unchanged by the caller until the operator is closed
   * @param bias [out], of the weights' type, on the host or on the device
   * @param mostBatch the most rows of x that it will be given; where {@link #formats} has the
   *     format for fewer alone, for those
   * @throws IllegalArgumentException if it cannot take these weights, with the reason
   * @throws dev.coppice.DeviceOutOfMemoryException if the device has not the memory
   */
  LinearOperator prepare(
      LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch);
}
