package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a model costs while units are taken away. Each cost is a sum of products of sizes of axes;
 * taking a unit away makes some of those axes shorter.
 */
final class Costs {
  /** One product: a factor that stays, and axes that may become shorter. */
  private static final class Term {
    private final String layer;
    private final Metric metric;
    private final double factor;
    private final int[] axes;

    Term(String layer, Metric metric, double factor, int[] axes) {
      this.layer = layer;
      this.metric = metric;
      this.factor = factor;
      this.axes = axes;
    }
  }

  private record Loss(int axis, int count) {}

  private final AxisClasses classes;
  private final Map<Slot, Integer> numbers = new HashMap<>();
  private final List<Integer> sizes = new ArrayList<>();
  private final List<List<Term>> termsOfAxis = new ArrayList<>();
  private final Map<Integer, List<Loss>> losses = new HashMap<>();
  private final List<Term> terms = new ArrayList<>();
  private final Map<Metric, Double> totals = new EnumMap<>(Metric.class);
  private final int[] left;

  /**
   * Adds up what a graph costs.
   *
   * @param shapes with numbers for all sizes that matter
   */
  Costs(Graph graph, Shapes shapes, AxisClasses classes) {
    this.classes = classes;
    for (Node node : graph.nodes()) {
      if (Groups.PRODUCTS.contains(node.op())) {
        addProduct(node, shapes);
      }
    }
    Set<String> used = new LinkedHashSet<>();
    graph.nodes().forEach(node -> used.addAll(node.inputs()));
    for (TensorProto tensor : graph.tensors().values()) {
      if (TensorBytes.isFloat(tensor.getDataType()) && used.contains(tensor.getName())) {
        long[] dims = TensorBytes.dims(tensor);
        add(tensor.getName(), Metric.PARAMS, 1, tensor.getName(), dims);
        int width = TensorBytes.width(tensor.getDataType());
        add(tensor.getName(), Metric.BYTES, width, tensor.getName(), dims);
      }
    }
    left = sizes.stream().mapToInt(Integer::intValue).toArray();
    for (Metric metric : Metric.values()) {
      totals.put(metric, 0.0);
    }
    terms.forEach(term -> totals.merge(term.metric, value(term), Double::sum));
  }

  /** Counts the multiplications of a node: the sizes of one operand, and how often each is used. */
  private void addProduct(Node node, Shapes shapes) {
    long[] a = shapes.of(node.input(0));
    long[] b = shapes.of(node.input(1));
    long[] out = shapes.of(node.output(0));
    if (a == null || b == null || out == null) {
      return;
    }
    if (node.op().startsWith("Conv")) {
      long[] spatial = node.op().equals("Conv") ? out : a;
      double positions = number(spatial[0]);
      for (int i = 2; i < spatial.length; i++) {
        positions *= number(spatial[i]);
      }
      add(node.name(), Metric.MACS, positions, node.input(1), b);
      return;
    }
    boolean turned = node.op().equals("Gemm") && node.integer("transA", 0) != 0;
    long[] inner = {a[turned ? 0 : a.length - 1]};
    Slot reduced = new Slot(node.input(0), turned ? 0 : a.length - 1);
    List<Slot> axes = new ArrayList<>(List.of(reduced));
    double factor = axis(reduced) < 0 ? number(inner[0]) : 1;
    for (int i = 0; i < out.length; i++) {
      Slot slot = new Slot(node.output(0), i);
      if (axis(slot) < 0) {
        factor *= number(out[i]);
      }
      axes.add(slot);
    }
    addTerm(node.name(), Metric.MACS, factor, axes);
  }

  /** An open size that nothing gave a number counts once. */
  private static double number(long size) {
    return Dim.isKnown(size) ? size : 1;
  }

  private void add(String layer, Metric metric, double factor, String value, long[] shape) {
    double fixed = factor;
    List<Slot> axes = new ArrayList<>();
    for (int axis = 0; axis < shape.length; axis++) {
      Slot slot = new Slot(value, axis);
      if (axis(slot) < 0) {
        fixed *= number(shape[axis]);
      }
      axes.add(slot);
    }
    addTerm(layer, metric, fixed, axes);
  }

  private void addTerm(String layer, Metric metric, double factor, List<Slot> axes) {
    int[] own = axes.stream().mapToInt(this::axis).filter(axis -> axis >= 0).toArray();
    Term term = new Term(layer, metric, factor, own);
    terms.add(term);
    for (int axis : own) {
      termsOfAxis.get(axis).add(term);
    }
  }

  /** Gives the number of an axis that can become shorter; -1 for another. */
  private int axis(Slot slot) {
    if (classes.isFrozen(slot.tensor(), slot.axis())) {
      return -1;
    }
    Integer known = numbers.get(slot);
    if (known != null) {
      return known;
    }
    int axis = sizes.size();
    numbers.put(slot, axis);
    int size = classes.size(slot.tensor(), slot.axis());
    sizes.add(size);
    termsOfAxis.add(new ArrayList<>());
    Map<Integer, Integer> counts = new LinkedHashMap<>();
    int first = classes.atom(slot.tensor(), slot.axis(), 0);
    for (int i = 0; i < size; i++) {
      counts.merge(classes.find(first + i), 1, Integer::sum);
    }
    counts.forEach(
        (id, count) ->
            losses.computeIfAbsent(id, key -> new ArrayList<>()).add(new Loss(axis, count)));
    return axis;
  }

  private double value(Term term) {
    double value = term.factor;
    for (int axis : term.axes) {
      value *= left[axis];
    }
    return value;
  }

  /** Gives what the model costs now. */
  double total(Metric metric) {
    return totals.getOrDefault(metric, 0.0);
  }

  /** Gives what of it lies in layers that can become smaller. */
  double cuttable(Metric metric) {
    return terms.stream()
        .filter(term -> term.metric == metric && term.axes.length > 0)
        .mapToDouble(this::value)
        .sum();
  }

  /** Gives what each layer costs now, in the order of the graph. */
  Map<String, Double> layers(Metric metric) {
    Map<String, Double> layers = new LinkedHashMap<>();
    terms.stream()
        .filter(term -> term.metric == metric)
        .forEach(term -> layers.merge(term.layer, value(term), Double::sum));
    return layers;
  }

  /** Gives what taking classes away would save, all else as it is now. */
  double saving(List<Integer> ids, Metric metric) {
    Set<Term> touched = touched(ids);
    double before = sum(touched, metric);
    shorten(ids, 1);
    double after = sum(touched, metric);
    shorten(ids, -1);
    return before - after;
  }

  /** Takes classes away. */
  void remove(List<Integer> ids) {
    change(ids, 1);
  }

  /** Puts classes back that were taken away. */
  void restore(List<Integer> ids) {
    change(ids, -1);
  }

  private void change(List<Integer> ids, int sign) {
    Set<Term> touched = touched(ids);
    for (Metric metric : Metric.values()) {
      totals.merge(metric, -sum(touched, metric), Double::sum);
    }
    shorten(ids, sign);
    for (Metric metric : Metric.values()) {
      totals.merge(metric, sum(touched, metric), Double::sum);
    }
  }

  private Set<Term> touched(List<Integer> ids) {
    Set<Term> touched = new LinkedHashSet<>();
    for (int id : ids) {
      losses.getOrDefault(id, List.of()).forEach(l -> touched.addAll(termsOfAxis.get(l.axis())));
    }
    return touched;
  }

  private double sum(Set<Term> some, Metric metric) {
    double sum = 0;
    for (Term term : some) {
      sum += term.metric == metric ? value(term) : 0;
    }
    return sum;
  }

  private void shorten(List<Integer> ids, int sign) {
    for (int id : ids) {
      losses.getOrDefault(id, List.of()).forEach(l -> left[l.axis()] -= sign * l.count());
    }
  }
}
