package dev.coppice.graph;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a product is to make of its input: its output in the dense model. Where that is added to
 * another value, and to nothing else, it is what that value lacks of the dense model's sum: so the
 * product makes up for what the other one has lost.
 *
 * @param input what flows into the product, of the smaller model
 * @param wanted what is to be met, of the dense model
 * @param other what is added to the product, of the smaller model, if anything is
 */
record Goal(String input, String wanted, @Nullable String other) {
  /**
   * Gives the goal of a product.
   *
   * @param later what products make that will change after this one
   */
  static Goal of(Product product, Graph small, Uses uses, Shapes shapes, Set<String> later) {
    String input = product.node().input(0);
    String made = product.output();
    Node sum = uses.only(made);
    if (sum != null && sum.op().equals("Add")) {
      String other = sum.input(sum.input(0).equals(made) ? 1 : 0);
      boolean same = shapes.of(made) != null && Arrays.equals(shapes.of(other), shapes.of(made));
      if (same && small.tensor(other) == null && isFinal(other, small, later)) {
        return new Goal(input, sum.output(0), other);
      }
    }
    return new Goal(input, made, null);
  }

  private static boolean isFinal(String value, Graph small, Set<String> later) {
    Set<String> used = new HashSet<>();
    Excerpt.needed(small, List.of(value), used);
    return later.stream().noneMatch(used::contains);
  }

  /** Gives the values of the smaller model. */
  List<String> given() {
    return other == null ? List.of(input) : List.of(input, other);
  }
}
