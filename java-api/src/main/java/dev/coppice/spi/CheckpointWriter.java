package dev.coppice.spi;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * A copy of a checkpoint that is being written. Nothing is seen at the target before {@link
 * #commit}; closing without it leaves no trace. {@link #write} and the pieces of {@link #rest} may
 * run on several threads at once.
 */
public interface CheckpointWriter extends AutoCloseable {
  /** Takes elements of a changed tensor, from {@code first} on. */
  void write(CheckpointTensor tensor, long first, ByteBuffer from) throws IOException;

  /**
   * Gives everything that is copied as it is, in pieces; each must be copied once before {@link
   * #commit}.
   */
  List<Piece> rest();

  /** Forces everything to the disk and publishes it at the target. */
  void commit() throws IOException;

  /** Gives up unless committed, and removes what was written; idempotent. */
  @Override
  void close();

  /** A range of bytes that is copied from the input. */
  interface Piece {
    /** Gives its size. */
    long bytes();

    /**
     * Copies it, by way of {@code buffer}: direct, at least 64 KiB.
     *
     * @param pause called between buffers; throws to stop
     */
    void copy(ByteBuffer buffer, Runnable pause) throws IOException;
  }
}
