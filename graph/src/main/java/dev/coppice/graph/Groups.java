package dev.coppice.graph;

import dev.coppice.graph.Group.Kind;
import dev.coppice.graph.Group.Unit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Sorts the classes that can be removed into groups of equals. */
final class Groups {
  /** The operators whose second input is a weight. */
  static final Set<String> PRODUCTS = Set.of("Conv", "ConvTranspose", "Gemm", "MatMul");

  private final Graph graph;
  private final AxisClasses classes;
  private final Map<String, Node> users = new HashMap<>();

  private Groups(Graph graph, AxisClasses classes) {
    this.graph = graph;
    this.classes = classes;
    for (Node node : graph.nodes()) {
      for (String input : node.inputs()) {
        if (PRODUCTS.contains(node.op())) {
          users.put(input, node);
        } else {
          users.putIfAbsent(input, node);
        }
      }
    }
  }

  /** Finds the groups, in the order in which the graph uses their weights. */
  static List<Group> of(Graph graph, AxisClasses classes) {
    return new Groups(graph, classes).find();
  }

  private List<Group> find() {
    Map<Integer, Map<Slot, List<Integer>>> members = new LinkedHashMap<>();
    for (String tensor : inOrder()) {
      for (int axis = 0; axis < classes.rank(tensor); axis++) {
        collect(new Slot(tensor, axis), members);
      }
    }
    Map<Collection<Slot>, List<Unit>> units = new LinkedHashMap<>();
    members.forEach(
        (id, slots) ->
            units
                .computeIfAbsent(new ArrayList<>(slots.keySet()), key -> new ArrayList<>())
                .add(
                    new Unit(
                        id,
                        slots.values().stream()
                            .map(list -> list.stream().mapToInt(Integer::intValue).toArray())
                            .toList())));
    List<Group> groups = new ArrayList<>();
    units.forEach((slots, list) -> group(List.copyOf(slots), list).ifPresent(groups::add));
    return groups;
  }

  /** Gives the tensors in the order in which nodes use them. */
  private Set<String> inOrder() {
    Set<String> tensors = new LinkedHashSet<>();
    for (Node node : graph.nodes()) {
      for (String input : node.inputs()) {
        if (graph.tensors().containsKey(input)) {
          tensors.add(input);
        }
      }
    }
    return tensors;
  }

  private void collect(Slot slot, Map<Integer, Map<Slot, List<Integer>>> members) {
    if (!classes.has(slot.tensor(), slot.axis())) {
      return;
    }
    for (int i = 0; i < classes.size(slot.tensor(), slot.axis()); i++) {
      int atom = classes.atom(slot.tensor(), slot.axis(), i);
      if (classes.frozen(atom).isEmpty()) {
        members
            .computeIfAbsent(classes.find(atom), id -> new LinkedHashMap<>())
            .computeIfAbsent(slot, key -> new ArrayList<>())
            .add(i);
      }
    }
  }

  private Optional<Group> group(List<Slot> slots, List<Unit> units) {
    Slot named = null;
    boolean convolves = false;
    for (Slot slot : slots) {
      Node user = users.get(slot.tensor());
      if (user != null && PRODUCTS.contains(user.op())) {
        named = named == null ? slot : named;
        convolves |= user.op().startsWith("Conv");
      }
    }
    if (named == null) {
      return Optional.empty();
    }
    boolean heads = classes.isHead(units.get(0).classId());
    Kind kind = heads ? Kind.HEADS : convolves ? Kind.CHANNELS : Kind.NEURONS;
    String name = Optional.ofNullable(users.get(named.tensor())).map(Node::name).orElseThrow();
    return Optional.of(new Group(name, kind, slots, units));
  }
}
