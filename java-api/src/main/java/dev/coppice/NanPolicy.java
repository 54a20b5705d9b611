package dev.coppice;

/** What to do with weights that are NaN. */
public enum NanPolicy {
  /** Refuse the tensor, with the index of its first NaN. */
  REFUSE,
  /** Never prune a NaN, and leave it out of the count. */
  KEEP
}
