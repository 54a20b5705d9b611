package dev.coppice.spi;

import java.nio.ByteBuffer;

/**
 * Makes buffers over memory of a raw address; found with {@link java.util.ServiceLoader}. Java 17
 * cannot do it by itself: coppice-native brings one, by way of JavaCPP.
 */
public interface AddressWindows {
  /** Gives a direct buffer of {@code bytes} bytes at {@code address}; it owns nothing. */
  ByteBuffer window(long address, int bytes);
}
