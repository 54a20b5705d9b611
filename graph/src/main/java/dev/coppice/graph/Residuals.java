package dev.coppice.graph;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;

/**
 * Which values of a graph follow from which. What is computed from a shape does not follow from the
 * value whose shape it is.
 */
final class Residuals {
  /**
   * Nodes between two values of the same shape, of which nothing else reads what they make but the
   * last.
   */
  record Part(String input, String output, Set<Node> nodes) {}

  private final Graph graph;
  private final Shapes shapes;
  private final Map<Node, Integer> places = new HashMap<>();
  private final Map<String, Set<Node>> users = new HashMap<>();

  Residuals(Graph graph, Shapes shapes) {
    this.graph = graph;
    this.shapes = shapes;
    for (Node node : graph.nodes()) {
      places.put(node, places.size());
      if (!node.op().equals("Shape")) {
        node.inputs()
            .forEach(input -> users.computeIfAbsent(input, n -> new LinkedHashSet<>()).add(node));
      }
    }
  }

  private int place(String value) {
    Node maker = graph.maker(value);
    return maker == null ? -1 : places.getOrDefault(maker, -1);
  }

  private Set<Node> users(String value) {
    return users.getOrDefault(value, Set.of());
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
  Optional<Part> residual(Node sum, Set<Node> inner) {
    List<String> terms = new ArrayList<>();
    Set<Node> additions = new LinkedHashSet<>(Set.of(sum));
    Deque<Node> open = new ArrayDeque<>(additions);
    while (!open.isEmpty()) {
      for (String term : open.remove().inputs()) {
        Node maker = graph.maker(term);
        if (maker != null && isSum(maker) && users(term).size() == 1 && !leaves(term)) {
          additions.add(maker);
          open.add(maker);
        } else if (graph.tensor(term) == null) {
          terms.add(term);
        }
      }
    }
    Optional<Part> part =
        terms.stream()
            .min(Comparator.comparingInt(this::place))
            .flatMap(first -> between(first, terms, additions, sum.output(0)));
    if (part.isPresent()) {
      additions.remove(sum);
      inner.addAll(additions);
    }
    return part;
  }

  private Optional<Part> between(
      String first, List<String> terms, Set<Node> additions, String output) {
    List<String> others = terms.stream().filter(term -> !term.equals(first)).toList();
    Set<Node> nodes = following(first, others);
    boolean all = others.stream().allMatch(term -> nodes.contains(graph.maker(term)));
    boolean works = nodes.stream().anyMatch(node -> Groups.PRODUCTS.contains(node.op()));
    nodes.addAll(additions);
    return !others.isEmpty()
            && all
            && works
            && sameShape(first, output)
            && !graph.captured().contains(output)
            && isClosed(nodes, output)
        ? Optional.of(new Part(first, output, nodes))
        : Optional.empty();
  }

  /** Gives the nodes by which values follow from {@code first}. */
  private Set<Node> following(String first, List<String> values) {
    Set<Node> before = new HashSet<>();
    Deque<String> open = new ArrayDeque<>(values);
    while (!open.isEmpty()) {
      Node maker = graph.maker(open.remove());
      if (maker != null
          && places.getOrDefault(maker, -1) > place(first)
          && !maker.op().equals("Shape")
          && before.add(maker)) {
        open.addAll(maker.inputs());
      }
    }
    Set<Node> following = new LinkedHashSet<>();
    before.stream()
        .sorted(Comparator.comparingInt(node -> places.getOrDefault(node, -1)))
        .filter(
            node ->
                node.inputs().stream()
                    .anyMatch(i -> i.equals(first) || following.contains(graph.maker(i))))
        .forEach(following::add);
    return following;
  }

  private boolean isClosed(Set<Node> nodes, String output) {
    return nodes.stream()
        .flatMap(node -> node.outputs().stream())
        .filter(value -> !value.equals(output))
        .allMatch(value -> !leaves(value) && nodes.containsAll(users(value)));
  }

  /** Joins two parts of which the second reads what the first makes, if nothing else does. */
  Optional<Part> join(Part first, Part second) {
    Set<Node> nodes = new LinkedHashSet<>(first.nodes());
    nodes.addAll(second.nodes());
    return isClosed(nodes, second.output()) && sameShape(first.input(), second.output())
        ? Optional.of(new Part(first.input(), second.output(), nodes))
        : Optional.empty();
  }

  /**
   * Extends a part by the norm or activation that its sum goes through, if what enters the part has
   * gone through the same.
   */
  Part withTail(Part part) {
    Part longest = part;
    String last = part.output();
    Set<Node> passed = new LinkedHashSet<>(part.nodes());
    Map<String, Integer> waiting = new HashMap<>(Map.of(last, users(last).size()));
    PriorityQueue<Node> open =
        new PriorityQueue<>(Comparator.comparingInt(node -> places.getOrDefault(node, -1)));
    open.addAll(users(last));
    while (!open.isEmpty() && !leaves(last)) {
      Node node = open.remove();
      if (Groups.PRODUCTS.contains(node.op()) || node.outputs().size() != 1) {
        break;
      }
      if (passed.add(node)) {
        Set.copyOf(node.inputs())
            .forEach(i -> waiting.computeIfPresent(i, (v, left) -> left == 1 ? null : left - 1));
        last = node.output(0);
        waiting.put(last, users(last).size());
        open.addAll(users(last));
        if (waiting.size() == 1 && isSameStage(part, last)) {
          longest = new Part(part.input(), last, new LinkedHashSet<>(passed));
        }
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
