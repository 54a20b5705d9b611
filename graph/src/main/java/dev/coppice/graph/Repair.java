package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A smaller model whose weights were fitted anew, and what that brought for each layer. */
public final class Repair {
  /**
   * A layer that was fitted. Errors are relative: the root of the sum of squares of what differs
   * from the dense model's output, over that of the output's deviations from its mean.
   *
   * @param name of the node
   * @param columns how many numbers each of its outputs sums over
   * @param rows how many rows of data the fit is to
   * @param before the error with the weights as they were, on inputs that are repaired already
   * @param after the error with the weights that were found
   */
  public record Layer(String name, int columns, long rows, double before, double after) {}

  /**
   * A layer that was left as it was.
   *
   * @param name of the node
   * @param reason why
   */
  public record Skipped(String name, String reason) {}

  private final ModelProto model;
  private final Path dense;
  private final List<Layer> layers;
  private final List<Skipped> skipped;
  private final String backend;
  private final List<String> notes;

  Repair(
      ModelProto model,
      Path dense,
      List<Layer> layers,
      List<Skipped> skipped,
      String backend,
      List<String> notes) {
    this.backend = backend;
    this.notes = List.copyOf(notes);
    this.model = model;
    this.dense = dense;
    this.layers = List.copyOf(layers);
    this.skipped = List.copyOf(skipped);
  }

  /** Gives the layers that were fitted, in the order in which that was done. */
  public List<Layer> layers() {
    return layers;
  }

  /** Gives the layers that should have been fitted, and were not. */
  public List<Skipped> skipped() {
    return skipped;
  }

  /** Gives the names of the backends that added up, with + between them; none if nothing was. */
  public String backend() {
    return backend;
  }

  /** Gives why no better backend added up. */
  public List<String> notes() {
    return notes;
  }

  /** Gives the repaired model as the bytes of a file. */
  public byte[] model() {
    return model.toByteArray();
  }

  /**
   * Writes the repaired model as a file that appears whole or not at all.
   *
   * @param overwrite whether an existing file is replaced; never the dense model
   * @throws java.nio.file.FileAlreadyExistsException if it exists and may not be replaced
   */
  public void write(Path file, boolean overwrite) throws IOException {
    ModelFile.write(model, file, overwrite, dense);
  }
}
