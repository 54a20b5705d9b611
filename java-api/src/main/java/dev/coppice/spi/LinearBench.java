package dev.coppice.spi;

import dev.coppice.Tensor;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** A device to measure products on: it holds operands and has a clock. For one thread. */
public interface LinearBench extends AutoCloseable {
  /** Gives what it is, with its driver: part of the key under which choices are saved. */
  String description();

  /** Gives the size of its last cache in bytes: weights that fit are read from there. */
  long cacheBytes();

  /** Gives the memory that is free for weights and operands, in bytes. */
  long freeBytes();

  /** Copies a tensor of the host to where products take it; freed when this is closed. */
  Tensor copyOf(Tensor host);

  /** Copies a tensor's elements back into one of the host. */
  void copyTo(Tensor here, Tensor host);

  /** Gives the stream that the work must be put in, if there are streams. */
  OptionalLong stream();

  /**
   * Gives the seconds that all work takes which {@code calls} puts in the stream, by the device's
   * own clock where it has one.
   */
  double seconds(Runnable calls);

  /** Gives the energy that it has taken so far, in joules, where it counts that. */
  OptionalDouble joules();

  /** Frees the operands. */
  @Override
  void close();
}
