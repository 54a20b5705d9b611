package dev.coppice.graph;

import java.util.Locale;

/** What a model is to have less of. */
public enum Metric {
  /** Multiplications of convolutions and matrix products, in one run. */
  MACS,
  /** Numbers in tensors of floats. */
  PARAMS,
  /** Bytes of tensors of floats. */
  BYTES;

  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}
