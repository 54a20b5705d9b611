package dev.coppice.cli;

import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Two models, tensor by tensor.
 *
 * @param both tensors that can be compared, in the order of the first model
 * @param unlike tensors that are only in one, or have another shape or type: one line each
 */
record Comparison(List<Row> both, List<String> unlike) {
  /** A tensor that both have. */
  record Row(CheckpointTensor tensor, TensorDifference.Result difference) {
    boolean differs() {
      return difference.changed() > 0;
    }
  }

  static Comparison of(Checkpoint a, Checkpoint b, Execution execution) throws IOException {
    Map<String, CheckpointTensor> others = new HashMap<>();
    b.tensors().forEach(tensor -> others.put(tensor.name(), tensor));
    List<Row> both = new ArrayList<>();
    List<String> unlike = new ArrayList<>();
    execution.progress().expect(a.bytes() + b.bytes());
    execution.progress().begin("compare");
    for (CheckpointTensor tensor : a.tensors()) {
      CheckpointTensor other = others.remove(tensor.name());
      String name = Figures.printable(tensor.name());
      if (other == null) {
        unlike.add(name + ": only in " + Figures.printable(a.path().toString()));
      } else if (!sameKind(tensor, other)) {
        unlike.add(
            "%s: %s %s and %s %s"
                .formatted(name, tensor.type(), tensor.shape(), other.type(), other.shape()));
      } else {
        TensorDifference pair = new TensorDifference(a, tensor, b, other);
        both.add(
            new Row(
                tensor,
                tensor.dtype().isPresent() ? pair.ofWeights(execution) : pair.ofBytes(execution)));
      }
    }
    b.tensors().stream()
        .filter(tensor -> others.containsKey(tensor.name()))
        .map(
            tensor ->
                Figures.printable(tensor.name())
                    + ": only in "
                    + Figures.printable(b.path().toString()))
        .forEach(unlike::add);
    return new Comparison(List.copyOf(both), List.copyOf(unlike));
  }

  /** Formats write types in their own words; what is compared is what they mean. */
  private static boolean sameKind(CheckpointTensor a, CheckpointTensor b) {
    boolean sameType =
        a.dtype().isPresent()
            ? a.dtype().equals(b.dtype())
            : b.dtype().isEmpty() && a.type().equals(b.type()) && a.bytes() == b.bytes();
    return sameType && a.shape().equals(b.shape());
  }

  boolean differs() {
    return !unlike.isEmpty() || both.stream().anyMatch(Row::differs);
  }
}
