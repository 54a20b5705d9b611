package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import dev.coppice.sparse.Format;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A model some of whose linear layers are held compressed. */
public final class Sparsified {
  /**
   * A layer that was rewritten.
   *
   * @param bytes what its weights take now
   */
  public record Row(LinearLayer layer, Format format, long bytes) {}

  /**
   * A product by constant weights that stays as it is.
   *
   * @param weights their name
   * @param node its name
   */
  public record LeftAlone(String weights, String node, String reason) {}

  private final ModelProto model;
  private final Path input;
  private final List<Row> rows;
  private final List<LeftAlone> leftAlone;

  Sparsified(ModelProto model, Path input, List<Row> rows, List<LeftAlone> leftAlone) {
    this.model = model;
    this.input = input;
    this.rows = List.copyOf(rows);
    this.leftAlone = List.copyOf(leftAlone);
  }

  /** Gives the layers that were rewritten, in the order of the graph. */
  public List<Row> rows() {
    return rows;
  }

  /** Gives the products that stay as they are. */
  public List<LeftAlone> leftAlone() {
    return leftAlone;
  }

  /** Gives the model as the bytes of a file. */
  public byte[] model() {
    return model.toByteArray();
  }

  /**
   * Writes the model as a file that appears whole or not at all.
   *
   * @param overwrite whether an existing file is replaced; never the one that was read
   * @throws java.nio.file.FileAlreadyExistsException if it exists and may not be replaced
   */
  public void write(Path file, boolean overwrite) throws IOException {
    ModelFile.write(model, file, overwrite, input);
  }
}
