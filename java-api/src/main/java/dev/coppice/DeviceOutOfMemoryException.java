package dev.coppice;

/** A device has not as much memory as was asked for; it can be used on. */
public final class DeviceOutOfMemoryException extends DeviceException {
  private static final long serialVersionUID = 1;

  private final long bytesAsked;
  private final long bytesFree;

  /** Makes the exception; {@code bytesFree} is what the device had when it refused. */
  public DeviceOutOfMemoryException(int code, long bytesAsked, long bytesFree) {
    super(code, "device out of memory: %,d bytes asked, %,d free".formatted(bytesAsked, bytesFree));
    this.bytesAsked = bytesAsked;
    this.bytesFree = bytesFree;
  }

  /** Gives the size of the allocation that failed. */
  public long bytesAsked() {
    return bytesAsked;
  }

  /** Gives the device memory that was free. */
  public long bytesFree() {
    return bytesFree;
  }
}
