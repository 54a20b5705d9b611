package dev.coppice.simd;

import java.nio.ByteBuffer;

/** Reaches the binding's probes, which no user needs. */
public final class MemoryProbe {
  private MemoryProbe() {}

  /** Loads the library; throws if there is none. */
  public static void load() {
    NativeLibrary.load();
  }

  /** Reads a slice as fast as one thread can. */
  public static long read(ByteBuffer data, int at, int size) {
    return CoppiceNative.coppice_read(data.slice(at, size), size);
  }

  /** Copies a slice as fast as one thread can. */
  public static void copy(ByteBuffer to, ByteBuffer from, int at, int size) {
    CoppiceNative.coppice_copy(to.slice(at, size), from.slice(at, size), size);
  }
}
