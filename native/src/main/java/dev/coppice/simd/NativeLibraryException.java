package dev.coppice.simd;

/** The library with the kernels cannot be used; the message says why. */
final class NativeLibraryException extends RuntimeException {
  private static final long serialVersionUID = 1;

  NativeLibraryException(String message, Throwable cause) {
    super(message, cause);
  }

  NativeLibraryException(String message) {
    super(message);
  }
}
