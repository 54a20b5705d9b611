package dev.coppice.simd;

import dev.coppice.spi.AddressWindows;
import java.nio.ByteBuffer;
import org.bytedeco.javacpp.Pointer;

/** Makes buffers over raw memory by way of JavaCPP. */
public final class NativeWindows implements AddressWindows {
  private static final class Window extends Pointer {
    Window(long address, long bytes) {
      this.address = address;
      this.limit = bytes;
      this.capacity = bytes;
    }

    @Override
    public int sizeof() {
      return 1;
    }
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException if the native library cannot be loaded
   */
  @Override
  public ByteBuffer window(long address, int bytes) {
    try {
      NativeLibrary.load();
    } catch (NativeLibraryException e) {
      throw new IllegalStateException("raw addresses need native code: " + e.getMessage(), e);
    }
    return new Window(address, bytes).asByteBuffer();
  }
}
