package dev.coppice.formats.onnx;

import dev.coppice.Axes;
import dev.coppice.formats.onnx.Graph.Node;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import org.jspecify.annotations.Nullable;

/** A tensor of a graph, and what was found out about its uses so far. */
final class Constant {
  static final String QUANTISED = "quantised: prune before quantising";

  private final StoredTensor tensor;
  private final String name;
  private final String path;
  private @Nullable Axes axes;
  private @Nullable String node;
  private @Nullable String otherNode;
  private @Nullable String unclear;
  private @Nullable String otherwise;
  private @Nullable String exempt;

  /**
   * Makes a constant without uses.
   *
   * @param path the nodes around its graph, each followed by a slash; empty for the main graph
   */
  Constant(StoredTensor tensor, String name, String path) {
    this.tensor = tensor;
    this.name = name;
    this.path = path;
  }

  StoredTensor tensor() {
    return tensor;
  }

  String name() {
    return name;
  }

  String path() {
    return path;
  }

  boolean isQuantised() {
    return QUANTISED.equals(exempt);
  }

  /** Notes that an operator multiplies with it. */
  void isWeightOf(Node user, Axes as) {
    if (axes == null) {
      axes = as;
      node = user.label();
    } else if (!axes.equals(as)) {
      isUnclear(user, node + " and " + user.label() + " disagree on its axes");
    }
  }

  /** Notes that an operator multiplies with it, and that its axes cannot be told. */
  void isUnclear(Node user, String reason) {
    if (unclear == null) {
      unclear = reason;
      node = node == null ? user.label() : node;
    }
  }

  /** Notes that an operator uses it in another way. */
  void isOtherwiseUsed(Node user, String how) {
    if (otherwise == null) {
      otherwise = how + " " + user.operator();
      otherNode = user.label();
    }
  }

  void isOutput() {
    if (otherwise == null) {
      otherwise = "is an output of its graph";
    }
  }

  /** Notes that it is never pruned, for this reason. */
  void isExempt(String reason) {
    if (exempt == null) {
      exempt = reason;
    }
  }

  Role role() {
    if (exempt != null) {
      return new Role.Other(exempt);
    }
    if (tensor.type().dtype().isEmpty()) {
      return new Role.Other(tensor.type() + " is not pruned");
    }
    if (unclear != null) {
      return new Role.Ambiguous(unclear);
    }
    if (axes == null) {
      return new Role.Other(otherwise == null ? "no operator uses it" : otherwise);
    }
    if (otherwise == null) {
      return new Role.Weight(axes);
    }
    String where = otherNode == null ? "" : " " + otherNode;
    return new Role.Ambiguous("also " + otherwise + where + ", which does not multiply");
  }

  /** Says it as the checkpoint does, under a name that no other tensor has. */
  CheckpointTensor described(String uniqueName) {
    String user = node != null ? node : otherNode != null ? otherNode : "";
    return new CheckpointTensor(
        uniqueName,
        user,
        tensor.type().name(),
        tensor.type().dtype(),
        tensor.shape(),
        tensor.bytes(),
        role());
  }
}
