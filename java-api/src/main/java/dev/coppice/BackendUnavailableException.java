package dev.coppice;

/** No backend of the wanted name can be used; the message gives the reason of each. */
public final class BackendUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Makes the exception. */
  public BackendUnavailableException(String message) {
    super(message);
  }
}
