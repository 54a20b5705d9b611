package dev.coppice.graph;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds the blocks of a graph: an attention with the feed-forward part that follows it, or another
 * part that is added to what enters it. Blocks do not overlap.
 */
final class Blocks {
  /** Operators of other domains that have an attention inside. */
  private static final String ATTENTION = "Attention";

  private final Graph graph;
  private final Residuals residuals;

  private Blocks(Graph graph, Shapes shapes) {
    this.graph = graph;
    this.residuals = new Residuals(graph, shapes);
  }

  /** Finds the blocks, in the order of the graph. */
  static List<Block> of(Graph graph, Shapes shapes) {
    return new Blocks(graph, shapes).find();
  }

  private List<Block> find() {
    List<Residuals.Part> parts = outermost(sums());
    Map<String, Residuals.Part> next = new HashMap<>();
    parts.forEach(part -> next.put(part.input(), part));
    Set<Residuals.Part> taken = Collections.newSetFromMap(new IdentityHashMap<>());
    List<Block> blocks = new ArrayList<>();
    for (Residuals.Part part : parts) {
      if (!taken.add(part)) {
        continue;
      }
      Residuals.Part whole = part;
      Residuals.Part following = next.get(part.output());
      if (attends(part) && following != null && !attends(following)) {
        Optional<Residuals.Part> joined = residuals.join(part, following);
        joined.ifPresent(both -> taken.add(following));
        whole = joined.orElse(part);
      }
      blocks.add(block(whole));
    }
    return renamed(blocks);
  }

  /** Names blocks that would share their name by the nodes that make what leaves them. */
  private List<Block> renamed(List<Block> blocks) {
    Map<String, Integer> counts = new HashMap<>();
    blocks.forEach(block -> counts.merge(block.name(), 1, Integer::sum));
    return blocks.stream()
        .map(b -> counts.getOrDefault(b.name(), 0) < 2 ? b : b.named(last(b.output())))
        .toList();
  }

  private boolean attends(Residuals.Part part) {
    return residuals.nodes(part).stream()
        .anyMatch(node -> node.op().equals("Softmax") || node.op().contains(ATTENTION));
  }

  /** Gives what each residual sum adds to, with the norm or activation behind it. */
  private List<Residuals.Part> sums() {
    BitSet inner = new BitSet();
    List<Residuals.Part> parts = new ArrayList<>();
    for (int i = graph.nodes().size() - 1; i >= 0; i--) {
      if (Residuals.isSum(graph.nodes().get(i)) && !inner.get(i)) {
        residuals.residual(i, inner).ifPresent(part -> parts.add(residuals.withTail(part)));
      }
    }
    Collections.reverse(parts);
    return parts;
  }

  /** Of parts inside each other the larger stay, unless one spans several others. */
  private static List<Residuals.Part> outermost(List<Residuals.Part> parts) {
    List<Residuals.Part> smallestFirst = new ArrayList<>(parts);
    smallestFirst.sort(Comparator.comparingInt(part -> part.nodes().cardinality()));
    Map<Integer, Residuals.Part> owners = new HashMap<>();
    Set<Residuals.Part> kept = Collections.newSetFromMap(new IdentityHashMap<>());
    for (Residuals.Part part : smallestFirst) {
      Set<Residuals.Part> inside = Collections.newSetFromMap(new IdentityHashMap<>());
      part.nodes().stream()
          .forEach(node -> Optional.ofNullable(owners.get(node)).ifPresent(inside::add));
      if (inside.isEmpty() || (inside.size() == 1 && spans(part, inside.iterator().next()))) {
        kept.removeAll(inside);
        kept.add(part);
        part.nodes().stream().forEach(node -> owners.put(node, part));
      }
    }
    return parts.stream().filter(kept::contains).toList();
  }

  private static boolean spans(Residuals.Part large, Residuals.Part small) {
    BitSet outside = (BitSet) small.nodes().clone();
    outside.andNot(large.nodes());
    return outside.isEmpty();
  }

  private Block block(Residuals.Part part) {
    Map<String, String> layers = new LinkedHashMap<>();
    Set<String> members = new HashSet<>();
    for (Node node : residuals.nodes(part)) {
      members.add(node.name());
      for (String input : node.inputs()) {
        if (graph.tensor(input) != null) {
          members.add(input);
          if (Groups.PRODUCTS.contains(node.op())) {
            layers.putIfAbsent(node.name(), input);
          }
        }
      }
    }
    String name = stem(layers.keySet()).or(() -> stem(layers.values())).orElse(last(part.output()));
    return new Block(name, part.input(), part.output(), members);
  }

  private String last(String output) {
    Node maker = graph.maker(output);
    return maker == null ? output : maker.name();
  }

  /** Gives the path that names begin with alike, if there is one. */
  private static Optional<String> stem(Collection<String> names) {
    String common = names.stream().reduce(Blocks::alike).orElse("");
    int end = Math.max(common.lastIndexOf('/'), common.lastIndexOf('.'));
    return end <= 0 ? Optional.empty() : Optional.of(common.substring(0, end));
  }

  /** Gives what two names begin with alike. */
  private static String alike(String a, String b) {
    int same = 0;
    while (same < Math.min(a.length(), b.length()) && a.charAt(same) == b.charAt(same)) {
      same++;
    }
    return a.substring(0, same);
  }
}
