package dev.coppice.evaluation.data;

import dev.coppice.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;

/** An array in a file, checked; its first axis is the samples'. */
interface StoredArray {
  /** Reads one sample of those that were asked for. */
  interface Reader {
    /** Fills {@code into} with the bytes of the sample, all of them. */
    void read(int sample, ByteBuffer into) throws IOException;
  }

  String name();

  NumberType type();

  Shape shape();

  /** Gives a reader of the samples {@code picks}, which ascend. */
  Reader open(int[] picks) throws IOException;

  /** Gives the size of a sample in bytes; for shapes with an axis. */
  default long sampleBytes() {
    return shape().after(0) * type().bytes();
  }
}
