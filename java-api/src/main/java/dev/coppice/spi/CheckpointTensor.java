package dev.coppice.spi;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import java.util.Optional;

/**
 * What is known of a tensor without reading it.
 *
 * @param name its name in the file
 * @param node the name of the operator that uses it, where the format has a graph; otherwise empty
 * @param type the element type as the format writes it: {@code BF16}, {@code FLOAT16}
 * @param dtype the element type, if its weights can be pruned
 * @param shape its dimensions
 * @param bytes the size of its data in the file
 * @param role what the format knows of its use
 */
public record CheckpointTensor(
    String name,
    String node,
    String type,
    Optional<DType> dtype,
    Shape shape,
    long bytes,
    Role role) {

  /** Describes a tensor in memory; its axes are those of safetensors (SPEC.md, "Axes"). */
  public static CheckpointTensor of(String name, Tensor tensor) {
    int rank = tensor.shape().rank();
    Role role =
        rank > 5
            ? new Role.Ambiguous("a tensor of rank " + rank + " has no known layout")
            : new Role.Weight(new Axes(0, rank < 2 ? 0 : 1));
    return new CheckpointTensor(
        name,
        "",
        tensor.dtype().name(),
        Optional.of(tensor.dtype()),
        tensor.shape(),
        tensor.shape().elements() * tensor.dtype().bytes(),
        role);
  }

  /** What a tensor is to its model. */
  public sealed interface Role {
    /** It is, or may well be, a weight that is multiplied, with these axes. */
    record Weight(Axes axes) implements Role {}

    /**
     * It is a weight, but its axes cannot be told, for this reason; a rule that sets both axes may
     * take it.
     */
    record Ambiguous(String reason) implements Role {}

    /** It is not a weight that may be pruned, for this reason, whatever a rule says. */
    record Other(String reason) implements Role {}
  }
}
