package dev.coppice.cli;

import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Selection;
import dev.coppice.formats.onnx.SparseLayer;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is known of a model after all of it was read.
 *
 * @param tensors in the model's order
 * @param leftAlone what a default plan does not take, and why
 */
record Inspection(List<Row> tensors, List<Selection.LeftAlone> leftAlone) {
  /**
   * One tensor.
   *
   * @param scan what it holds, if it has a type that is read
   * @param reason why a default plan leaves it alone; nothing if it takes it
   */
  record Row(CheckpointTensor tensor, Optional<TensorScan.Result> scan, Optional<String> reason) {}

  static Inspection of(Checkpoint checkpoint, Execution execution) throws IOException {
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
    Selection selection = Selection.preview(checkpoint.tensors(), plan);
    Map<String, String> reasons = new HashMap<>();
    selection.leftAlone().forEach(left -> reasons.put(left.tensor().name(), left.reason()));
    execution.progress().expect(bytesToRead(checkpoint));
    execution.progress().begin("read");
    List<Row> rows = new ArrayList<>();
    for (CheckpointTensor tensor : checkpoint.tensors()) {
      Optional<TensorScan.Result> scan =
          tensor.dtype().isPresent()
              ? Optional.of(TensorScan.of(checkpoint, tensor, execution))
              : Optional.empty();
      rows.add(new Row(tensor, scan, Optional.ofNullable(reasons.get(tensor.name()))));
    }
    return new Inspection(List.copyOf(rows), selection.leftAlone());
  }

  private static long bytesToRead(Checkpoint checkpoint) {
    return checkpoint.tensors().stream()
        .filter(t -> t.dtype().isPresent())
        .mapToLong(CheckpointTensor::bytes)
        .sum();
  }

  /** Gives how many weights of a compressed layer are zero. */
  long zeros(SparseLayer layer) {
    long other =
        tensors.stream()
            .filter(row -> row.tensor().name().equals(layer.values()))
            .flatMap(
                row -> row.scan().stream().map(s -> row.tensor().shape().elements() - s.zeros()))
            .findFirst()
            .orElse(0L);
    return Math.max(0, layer.out() * layer.in() - other);
  }

  /** Gives the number of weights that a default plan would choose from. */
  long taken() {
    return tensors.stream()
        .filter(row -> row.reason().isEmpty())
        .mapToLong(row -> row.tensor().shape().elements())
        .sum();
  }
}
