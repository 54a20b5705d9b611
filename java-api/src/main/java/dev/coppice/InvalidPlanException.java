package dev.coppice;

/** A plan or recipe that cannot be followed: the message says what is allowed. */
public final class InvalidPlanException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  /** Makes the exception. */
  public InvalidPlanException(String message) {
    super(message);
  }
}
