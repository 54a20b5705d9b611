package dev.coppice.spi;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * One tensor that takes part in a pruning task, read and written in slices.
 *
 * <p>Elements are little-endian and row-major; positions are counted in elements. Several threads
 * may call at once, for slices that do not overlap.
 */
public interface Weights {
  /** Gives the tensor's name: it decides the order of ties and the random criterion's stream. */
  String name();

  /** Gives the element type. */
  DType dtype();

  /** Gives the shape. */
  Shape shape();

  /** Gives the output and the reduction axis. */
  Axes axes();

  /**
   * Gives a direct, little-endian buffer that shares the tensor's own memory, if the tensor lies
   * there and may be changed in place. {@link #read} and {@link #write} work all the same: slices
   * that are not contiguous go through them.
   */
  default Optional<ByteBuffer> view(long first, int count) {
    return Optional.empty();
  }

  /**
   * Gives where on a CUDA device the tensor lies, if it does; only backends of a provider that
   * {@linkplain BackendProvider#runsOnDevice runs on a device} are given such weights. They are
   * changed in place there; they have no {@link #view}, and neither {@link #read} nor {@link
   * #write} reaches them.
   */
  default Optional<DeviceAddress> onDevice() {
    return Optional.empty();
  }

  /**
   * Fills {@code into}, from its position to its limit, with the elements from {@code first} on.
   */
  void read(long first, ByteBuffer into) throws IOException;

  /**
   * Takes the bytes of {@code from}, from its position to its limit, as the elements from {@code
   * first} on.
   */
  void write(long first, ByteBuffer from) throws IOException;
}
