package dev.coppice.graph;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/**
 * Which values of a graph follow from which. What is computed from a shape does not follow from the
 * value whose shape it is. Nodes are numbers here, their places in the graph's order: parts inside
 * parts may be as many as the nodes.
 */
final class Residuals {
  /**
   * Nodes between two values of the same shape, of which nothing else reads what they make but the
   * last.
   */
  record Part(String input, String output, BitSet nodes) {}

  private final Graph graph;
  private final Shapes shapes;
  private final List<Node> nodes;
  private final Map<String, Integer> places = new HashMap<>();
  private final Map<String, Set<Integer>> users = new HashMap<>();

  /** For each node, the places of what makes its inputs: -1 for those that no node makes. */
  private final int[][] makers;

  Residuals(Graph graph, Shapes shapes) {
    this.graph = graph;
    this.shapes = shapes;
    this.nodes = graph.nodes();
    this.makers = new int[nodes.size()][];
    for (int i = 0; i < makers.length; i++) {
      int place = i;
      nodes.get(i).outputs().forEach(output -> places.put(output, place));
      makers[i] = nodes.get(i).inputs().stream().mapToInt(this::place).toArray();
      if (!nodes.get(i).op().equals("Shape")) {
        nodes
            .get(i)
            .inputs()
            .forEach(in -> users.computeIfAbsent(in, name -> new TreeSet<>()).add(place));
      }
    }
  }

  private int place(String value) {
    return places.getOrDefault(value, -1);
  }

  private Set<Integer> users(String value) {
    return users.getOrDefault(value, Set.of());
  }

  /** Gives the nodes of a part, in the order of the graph. */
  List<Node> nodes(Part part) {
    return part.nodes().stream().mapToObj(nodes::get).toList();
  }

  private boolean leaves(String value) {
    return graph.outputs().contains(value) || graph.captured().contains(value);
  }

  /** Whether a node adds values up. */
  static boolean isSum(Node node) {
    return node.op().equals("Add") || node.op().equals("Sum");
  }

  private boolean sameShape(String a, String b) {
    long[] shape = shapes.of(a);
    return shape != null && Arrays.equals(shape, shapes.of(b));
  }

  /**
   * Gives the part whose sum a node makes, if one of its terms is what all others follow from.
   *
   * @param inner where the additions are put that only make a term of this one
   */
  Optional<Part> residual(int sum, BitSet inner) {
    List<String> terms = new ArrayList<>();
    BitSet additions = new BitSet();
    additions.set(sum);
    Deque<Integer> open = new ArrayDeque<>(List.of(sum));
    while (!open.isEmpty()) {
      for (String term : nodes.get(open.remove()).inputs()) {
        int maker = place(term);
        boolean only = maker >= 0 && users(term).size() == 1 && !leaves(term);
        if (only && isSum(nodes.get(maker))) {
          additions.set(maker);
          open.add(maker);
        } else if (graph.tensor(term) == null) {
          terms.add(term);
        }
      }
    }
    String output = nodes.get(sum).output(0);
    Optional<Part> part =
        terms.stream()
            .min(Comparator.comparingInt(this::place))
            .filter(first -> sameShape(first, output) && !graph.captured().contains(output))
            .flatMap(first -> between(first, terms, additions, output));
    if (part.isPresent()) {
      additions.clear(sum);
      inner.or(additions);
    }
    return part;
  }

  private Optional<Part> between(
      String first, List<String> terms, BitSet additions, String output) {
    List<String> others = terms.stream().filter(term -> !term.equals(first)).toList();
    BitSet between = following(first, others);
    boolean all = others.stream().allMatch(o -> place(o) >= 0 && between.get(place(o)));
    boolean works =
        between.stream().anyMatch(place -> Groups.PRODUCTS.contains(nodes.get(place).op()));
    between.or(additions);
    return !others.isEmpty() && all && works && isClosed(between, output)
        ? Optional.of(new Part(first, output, between))
        : Optional.empty();
  }

  /** Gives the nodes by which values follow from {@code first}. */
  private BitSet following(String first, List<String> values) {
    int start = place(first);
    BitSet before = new BitSet();
    values.stream().mapToInt(this::place).filter(place -> place > start).forEach(before::set);
    for (int i = before.length() - 1; i > start; i = before.previousSetBit(i - 1)) {
      if (nodes.get(i).op().equals("Shape")) {
        before.clear(i);
      } else {
        Arrays.stream(makers[i]).filter(maker -> maker > start).forEach(before::set);
      }
    }
    BitSet following = new BitSet();
    for (int i = before.nextSetBit(0); i >= 0; i = before.nextSetBit(i + 1)) {
      Node node = nodes.get(i);
      int[] made = makers[i];
      boolean follows =
          IntStream.range(0, made.length)
              .anyMatch(
                  k ->
                      made[k] > start
                          ? following.get(made[k])
                          : made[k] == start && node.input(k).equals(first));
      following.set(i, follows);
    }
    return following;
  }

  private boolean isClosed(BitSet inside, String output) {
    return inside.stream()
        .mapToObj(nodes::get)
        .flatMap(node -> node.outputs().stream())
        .filter(value -> !value.equals(output))
        .allMatch(value -> !leaves(value) && users(value).stream().allMatch(inside::get));
  }

  /** Joins two parts of which the second reads what the first makes, if nothing else does. */
  Optional<Part> join(Part first, Part second) {
    BitSet both = (BitSet) first.nodes().clone();
    both.or(second.nodes());
    return isClosed(both, second.output()) && sameShape(first.input(), second.output())
        ? Optional.of(new Part(first.input(), second.output(), both))
        : Optional.empty();
  }

  /**
   * Extends a part by the norm or activation that its sum goes through, if what enters the part has
   * gone through the same.
   */
  Part withTail(Part part) {
    Part longest = part;
    String last = part.output();
    BitSet passed = (BitSet) part.nodes().clone();
    Map<String, Integer> waiting = new HashMap<>(Map.of(last, users(last).size()));
    TreeSet<Integer> open = new TreeSet<>(users(last));
    while (!open.isEmpty() && !leaves(last)) {
      int place = open.first();
      open.remove(place);
      Node node = nodes.get(place);
      if (Groups.PRODUCTS.contains(node.op()) || node.outputs().size() != 1) {
        break;
      }
      passed.set(place);
      new HashSet<>(node.inputs())
          .forEach(i -> waiting.computeIfPresent(i, (v, left) -> left == 1 ? null : left - 1));
      last = node.output(0);
      waiting.put(last, users(last).size());
      open.addAll(users(last));
      if (waiting.size() == 1 && isSameStage(part, last)) {
        longest = new Part(part.input(), last, (BitSet) passed.clone());
      }
    }
    return longest;
  }

  private boolean isSameStage(Part part, String value) {
    return sameShape(part.input(), value)
        && !graph.captured().contains(value)
        && isMadeAlike(value, part.output(), part.input());
  }

  /** Whether the operators from {@code sum} to {@code value} are the last that made the other. */
  private boolean isMadeAlike(String value, String sum, String other) {
    String a = value;
    String b = other;
    while (!a.equals(sum)) {
      Node left = graph.maker(a);
      Node right = graph.maker(b);
      if (left == null || right == null || !left.op().equals(right.op())) {
        return false;
      }
      a = first(left);
      b = first(right);
    }
    return true;
  }

  /** Gives the first input of a node that is no weight. */
  private String first(Node node) {
    return node.inputs().stream().filter(i -> graph.tensor(i) == null).findFirst().orElse("");
  }
}
