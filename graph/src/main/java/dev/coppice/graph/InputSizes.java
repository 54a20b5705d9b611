package dev.coppice.graph;

import dev.coppice.InvalidPlanException;
import java.util.LinkedHashMap;
import java.util.Map;

/** The shapes of a graph's inputs that something is counted or run for. */
final class InputSizes {
  private static final int TOKENS = 128;
  private static final int PIXELS = 224;

  private InputSizes() {}

  /**
   * Fills what is open: 1 as the first axis of an input, 224 in an image, 128 otherwise.
   *
   * @param given shapes by the names of inputs
   * @throws InvalidPlanException if one is of what is no input, or contradicts it
   */
  static Map<String, long[]> of(Graph graph, Shapes shapes, Map<String, long[]> given) {
    Map<String, long[]> all = new LinkedHashMap<>();
    for (String input : graph.inputs().keySet()) {
      long[] open = shapes.of(input);
      if (open != null && graph.tensor(input) == null) {
        all.put(input, given.containsKey(input) ? fit(input, open, given) : filled(open));
      }
    }
    for (String name : given.keySet()) {
      if (!all.containsKey(name)) {
        throw new InvalidPlanException(
            "\"" + name + "\" is no input of the graph; its inputs are " + all.keySet());
      }
    }
    return all;
  }

  private static long[] fit(String input, long[] open, Map<String, long[]> given) {
    long[] shape = given.getOrDefault(input, open);
    boolean fits = shape.length == open.length;
    for (int i = 0; fits && i < shape.length; i++) {
      fits = shape[i] > 0 && (Dim.isSymbol(open[i]) || open[i] == shape[i]);
    }
    if (!fits) {
      throw new InvalidPlanException("the size of \"" + input + "\" is not what the model takes");
    }
    return shape;
  }

  private static long[] filled(long[] open) {
    long[] shape = open.clone();
    for (int i = 0; i < shape.length; i++) {
      if (Dim.isSymbol(shape[i])) {
        shape[i] = i == 0 ? 1 : shape.length == 4 ? PIXELS : TOKENS;
      }
    }
    return shape;
  }
}
