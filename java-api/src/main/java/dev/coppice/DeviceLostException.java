package dev.coppice;

/**
 * A device cannot be used any more from this process, because a kernel or the device itself failed.
 */
public final class DeviceLostException extends DeviceException {
  private static final long serialVersionUID = 1;

  /** Makes the exception. */
  public DeviceLostException(int code, String message) {
    super(code, message);
  }
}
