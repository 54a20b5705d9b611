package dev.coppice;

/** A call to a device failed. */
public sealed class DeviceException extends RuntimeException
    permits DeviceOutOfMemoryException, DeviceLostException {
  private static final long serialVersionUID = 1;

  private final int code;

  /**
   * Makes the exception.
   *
   * @param code the driver's error number
   * @param message names the call and the error
   */
  public DeviceException(int code, String message) {
    super(message);
    this.code = code;
  }

  /** Gives the driver's error number. */
  public int code() {
    return code;
  }
}
