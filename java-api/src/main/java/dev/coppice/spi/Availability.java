package dev.coppice.spi;

/** Whether a backend can be used on this machine. */
public sealed interface Availability {
  /**
   * It can.
   *
   * @param runsOn what it runs on, for people: the instruction set, the device
   */
  record Usable(String runsOn) implements Availability {}

  /**
   * It cannot.
   *
   * @param reason why, and what to do about it, in one line
   */
  record Unusable(String reason) implements Availability {}
}
