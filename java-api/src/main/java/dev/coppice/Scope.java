package dev.coppice;

/** What competes with what. */
public enum Scope {
  /** The weights of one tensor. */
  TENSOR,
  /** All weights that a rule takes. */
  GLOBAL,
  /** The weights that share an index of the output axis. */
  ROW
}
