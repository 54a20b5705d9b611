package dev.coppice.graph;

import java.util.List;

/**
 * A linear layer y = x W^T + b whose weights W [out, in] are a constant of the model.
 *
 * @param name of the weights in the model
 * @param nodes the names of those that multiply by them
 * @param out the outputs
 * @param in the inputs
 * @param zeros how many weights are zero
 */
public record LinearLayer(String name, List<String> nodes, long out, long in, long zeros) {
  /** Copies the names. */
  public LinearLayer {
    nodes = List.copyOf(nodes);
  }

  /** Gives the share of the weights that are zero. */
  public double sparsity() {
    return (double) zeros / (out * in);
  }

  /** Gives the bytes that the weights take as they are. */
  public long bytes() {
    return out * in * Float.BYTES;
  }
}
