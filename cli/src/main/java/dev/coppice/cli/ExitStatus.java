package dev.coppice.cli;

/** How a command ends, in the numbers of sysexits.h. */
final class ExitStatus {
  static final int OK = 0;
  static final int DIFFERENT = 1;
  static final int USAGE = 64;
  static final int DATA = 65;
  static final int NO_INPUT = 66;
  static final int UNAVAILABLE = 69;
  static final int INTERNAL = 70;
  static final int CANNOT_CREATE = 73;
  static final int IO = 74;
  static final int CANCELLED = 130;

  private ExitStatus() {}
}
