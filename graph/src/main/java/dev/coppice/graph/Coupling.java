package dev.coppice.graph;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Finds out which indices of which axes of a graph go together, and which cannot be removed. */
final class Coupling {
  private final Graph graph;
  private final Shapes shapes;
  private final AxisClasses classes;
  private final List<Links.Fold> folds = new ArrayList<>();
  private final Set<String> used = new HashSet<>();

  private Coupling(Graph graph, Shapes shapes) {
    this.graph = graph;
    this.shapes = shapes;
    this.classes = new AxisClasses(graph.path());
    graph.nodes().forEach(node -> used.addAll(node.inputs()));
    used.addAll(graph.outputs());
  }

  /**
   * Finds the classes, in time and memory that grow with the sum of the sizes of all axes.
   *
   * @param shapes with the sizes that inputs decide left open
   */
  static AxisClasses of(Graph graph, Shapes shapes) {
    return new Coupling(graph, shapes).find();
  }

  private AxisClasses find() {
    graph.inputs().keySet().forEach(this::add);
    graph.tensors().keySet().forEach(this::add);
    graph.nodes().forEach(node -> node.outputs().forEach(this::add));
    graph.inputs().keySet().forEach(name -> freezeAll(name, "is an input of the graph"));
    graph.outputs().forEach(name -> freezeAll(name, "is an output of the graph"));
    graph.captured().forEach(name -> freezeAll(name, "is used in a nested graph"));
    LinkRules rules = new LinkRules(graph, shapes);
    for (Node node : graph.nodes()) {
      if (node.op().equals("Constant")) {
        continue;
      }
      Links links = new Links(node, classes, folds);
      Optional<String> unknown = withoutShape(node);
      if (unknown.isPresent()) {
        links.freezeAll("works on \"" + unknown.get() + "\", whose shape is not known");
      } else {
        apply(rules, node, links);
      }
      links.finish();
    }
    ShapeUse use = new ShapeUse(graph, shapes);
    for (Node node : graph.nodes()) {
      if (node.op().equals("Shape") && use.isOpen(node)) {
        freezeAll(node.input(0), "has its shape computed with");
      }
    }
    decideFolds();
    classes.freezeInexact();
    return classes;
  }

  private void apply(LinkRules rules, Node node, Links links) {
    try {
      rules.apply(node, links);
    } catch (IndexOutOfBoundsException | ArithmeticException | IllegalArgumentException e) {
      throw graph.malformed(node);
    }
  }

  private void add(String value) {
    long[] shape = shapes.of(value);
    if (shape != null && !value.isEmpty()) {
      classes.add(value, shape);
    }
  }

  private void freezeAll(String value, String why) {
    for (int axis = 0; axis < classes.rank(value); axis++) {
      classes.freeze(value, axis, "\"" + value + "\" " + why);
    }
  }

  private Optional<String> withoutShape(Node node) {
    return Stream.concat(node.inputs().stream(), node.outputs().stream().filter(used::contains))
        .filter(value -> !value.isEmpty() && !classes.has(value))
        .findFirst();
  }

  /**
   * Decides for each product of axes which of them is cut: the first that nothing has frozen. In
   * [heads, size] that is the head; in [3, heads, size], where each of the three is taken by its
   * index, too; in [channels, height, width] it is the channel.
   */
  private void decideFolds() {
    List<Integer> carriers = new ArrayList<>();
    for (Links.Fold fold : folds) {
      int carrier = 0;
      while (carrier < fold.parts().size() && isFrozen(fold.parts().get(carrier))) {
        carrier++;
      }
      carriers.add(carrier);
    }
    for (int i = 0; i < folds.size(); i++) {
      apply(folds.get(i), carriers.get(i));
    }
  }

  private boolean isFrozen(Links.Fold.Part part) {
    return classes.isFrozen(part.value(), part.axis());
  }

  private void apply(Links.Fold fold, int carrier) {
    for (int i = 0; i < fold.parts().size(); i++) {
      if (i != carrier) {
        Links.Fold.Part part = fold.parts().get(i);
        classes.freeze(part.value(), part.axis(), fold.node() + " folds the axis with another");
      }
    }
    if (carrier == fold.parts().size()) {
      classes.freeze(fold.whole(), fold.axis(), fold.node() + " folds axes that cannot be cut");
      return;
    }
    int inner = 1;
    for (int i = fold.parts().size() - 1; i > carrier; i--) {
      inner *= classes.size(fold.parts().get(i).value(), fold.parts().get(i).axis());
    }
    Links.Fold.Part part = fold.parts().get(carrier);
    int count = classes.size(part.value(), part.axis());
    int first = classes.atom(fold.whole(), fold.axis(), 0);
    int second = classes.atom(part.value(), part.axis(), 0);
    for (int i = 0; i < classes.size(fold.whole(), fold.axis()); i++) {
      classes.unite(first + i, second + i / inner % count);
      if (fold.splits()) {
        classes.head(first + i);
      }
    }
  }
}
