package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * ONNX models: a {@code .onnx} file with its external data, or a folder with one such file in it.
 */
public final class OnnxFormat implements CheckpointFormat {
  static final String NAME = "onnx";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean accepts(Path path) {
    try {
      return isModel(path) ? !Files.isDirectory(path) : !models(path).isEmpty();
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public Checkpoint open(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return OnnxCheckpoint.open(path, path);
    }
    List<Path> models = models(path);
    if (models.size() != 1) {
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED, path, "has " + models.size() + " .onnx files; name one of them");
    }
    return OnnxCheckpoint.open(path, models.get(0));
  }

  private static List<Path> models(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(OnnxFormat::isModel).filter(Files::isRegularFile).sorted().toList();
    }
  }

  private static boolean isModel(Path path) {
    Path name = path.getFileName();
    return name != null && name.toString().toLowerCase(Locale.ROOT).endsWith(".onnx");
  }
}
