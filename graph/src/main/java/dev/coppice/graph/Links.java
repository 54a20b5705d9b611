package dev.coppice.graph;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What one node says of the axes around it: which go together, which cannot be cut. Whatever it
 * does not mention is frozen, so that an operator without a rule, or an input that a rule forgot,
 * is left alone and never broken.
 */
final class Links {
  /** An axis that is the product of several others, in row-major order. */
  record Fold(Node node, String whole, int axis, List<Part> parts, boolean splits) {
    record Part(String value, int axis) {}
  }

  private record Place(String value, int axis) {}

  private final Node node;
  private final AxisClasses classes;
  private final List<Fold> folds;
  private final Set<Place> mentioned = new HashSet<>();

  Links(Node node, AxisClasses classes, List<Fold> folds) {
    this.node = node;
    this.classes = classes;
    this.folds = folds;
  }

  AxisClasses classes() {
    return classes;
  }

  private void mention(String value, int axis) {
    mentioned.add(new Place(value, axis));
  }

  /** Says that two axes have the same indices; where one has other ones, both are frozen. */
  void same(String a, int axisA, String b, int axisB) {
    mention(a, axisA);
    mention(b, axisB);
    if (classes.size(a, axisA) != classes.size(b, axisB)) {
      if (!isOne(a, axisA) && !isOne(b, axisB)) {
        freeze(a, axisA, "meets an axis of another or an open size");
        freeze(b, axisB, "meets an axis of another or an open size");
      }
      return; // Where one of them is broadcast, it says nothing.
    }
    range(a, axisA, 0, b, axisB, 0, classes.size(a, axisA));
  }

  /** Says that a stretch of an axis is a stretch of another. */
  void range(String a, int axisA, int fromA, String b, int axisB, int fromB, int count) {
    mention(a, axisA);
    mention(b, axisB);
    if (!classes.has(a, axisA) || !classes.has(b, axisB)) {
      freezeIfOne(a, axisA);
      freezeIfOne(b, axisB);
      return;
    }
    int first = classes.atom(a, axisA, fromA);
    int second = classes.atom(b, axisB, fromB);
    for (int i = 0; i < count; i++) {
      classes.unite(first + i, second + i);
    }
  }

  /** Says that so many consecutive indices of an axis go together. */
  void stretches(String value, int axis, int length) {
    mention(value, axis);
    int first = classes.atom(value, axis, 0);
    for (int i = 0; i < classes.size(value, axis); i++) {
      classes.unite(first + i / length * length, first + i);
    }
  }

  /** Says that an index of {@code coarse} is a stretch of indices of {@code fine}. */
  void coarse(String fine, int axisFine, String coarse, int axisCoarse) {
    mention(fine, axisFine);
    mention(coarse, axisCoarse);
    int length = classes.size(fine, axisFine) / classes.size(coarse, axisCoarse);
    int first = classes.atom(fine, axisFine, 0);
    int second = classes.atom(coarse, axisCoarse, 0);
    for (int i = 0; i < classes.size(fine, axisFine); i++) {
      classes.unite(second + i / length, first + i);
    }
  }

  private boolean isOne(String value, int axis) {
    long[] shape = classes.shape(value);
    return shape != null && shape[axis] == 1;
  }

  private void freezeIfOne(String value, int axis) {
    freeze(value, axis, "meets an axis of one index or of unknown size");
  }

  /** Says that the node does not mind what is cut of an axis. */
  void free(String value, int axis) {
    mention(value, axis);
  }

  /** Freezes an axis; the message begins with the node. */
  void freeze(String value, int axis, String why) {
    mention(value, axis);
    if (classes.has(value, axis)) {
      classes.freeze(value, axis, node + " " + why);
    }
  }

  void freezeAll(String value, String why) {
    for (int axis = 0; axis < classes.rank(value); axis++) {
      freeze(value, axis, why);
    }
  }

  /** Freezes all inputs and outputs. */
  void freezeAll(String why) {
    node.inputs().forEach(input -> freezeAll(input, why));
    node.outputs().forEach(output -> freezeAll(output, why));
  }

  /**
   * Says that several axes, in row-major order, are one; which of them carries is decided later.
   */
  void fold(String whole, int axis, List<Fold.Part> parts, boolean splits) {
    mention(whole, axis);
    parts.forEach(part -> mention(part.value(), part.axis()));
    folds.add(new Fold(node, whole, axis, new ArrayList<>(parts), splits));
  }

  /** Freezes what no rule has mentioned. */
  void finish() {
    for (String value : node.inputs()) {
      finish(value);
    }
    for (String value : node.outputs()) {
      finish(value);
    }
  }

  private void finish(String value) {
    for (int axis = 0; axis < classes.rank(value); axis++) {
      if (!mentioned.contains(new Place(value, axis))) {
        freeze(value, axis, "does not pass the axis on");
      }
    }
  }
}
