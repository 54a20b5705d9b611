package dev.coppice.graph;

import dev.coppice.Glob;
import java.util.Set;

/**
 * A stretch of a residual stream that can be taken out of the graph: what reads its output can read
 * its input instead, which has the same shape.
 *
 * @param name what its nodes or weights have in common, or the node that makes its output
 * @param input the value that enters it
 * @param output the value that leaves it, and the only one that anything else reads
 * @param members the names of its nodes and of the weights that they read
 */
public record Block(String name, String input, String output, Set<String> members) {
  /** Holds what it is given. */
  public Block {
    members = Set.copyOf(members);
  }

  Block named(String other) {
    return new Block(other, input, output, members);
  }

  boolean isNamed(Glob glob) {
    return members.stream().anyMatch(glob::matches);
  }
}
