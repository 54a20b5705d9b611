package dev.coppice.cuda;

import java.lang.reflect.Field;
import jcuda.NativePointerObject;
import jcuda.driver.CUstream;

/** Streams that other frameworks made, by their handles. */
final class RawStream {
  private RawStream() {}

  /**
   * Gives JCuda's object for a stream's handle; 0 is the default stream. JCuda has no constructor
   * for that: its field is set.
   */
  static CUstream of(long handle) {
    CUstream stream = new CUstream();
    if (handle != 0) {
      try {
        field().setLong(stream, handle);
      } catch (ReflectiveOperationException e) {
        throw new IllegalStateException("JCuda keeps handles in another way than 12.6.0 does", e);
      }
    }
    return stream;
  }

  /** Gives a stream's handle. */
  static long handle(CUstream stream) {
    try {
      return field().getLong(stream);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("JCuda keeps handles in another way than 12.6.0 does", e);
    }
  }

  private static Field field() throws ReflectiveOperationException {
    Field field = NativePointerObject.class.getDeclaredField("nativePointer");
    field.setAccessible(true);
    return field;
  }
}
