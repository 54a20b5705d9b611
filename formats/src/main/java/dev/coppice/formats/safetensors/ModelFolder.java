package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A folder with a model and what belongs to it: configuration, tokenizer, licence. */
final class ModelFolder {
  private static final int DEEPEST = 8;
  private static final int MOST_COMPANIONS = 10_000;

  /** Weights of any format: the pruned ones are written, and the others would no longer match. */
  private static final Pattern WEIGHTS =
      Pattern.compile(
          ".*\\.(safetensors|bin|pt|pth|ckpt|gguf|ggml|onnx|onnx[._]data|h5|hdf5|keras|npz|npy"
              + "|msgpack|pb|tflite|ot|pkl|engine)(\\.index\\.json)?");

  private ModelFolder() {}

  static boolean holdsModel(Path folder) {
    try {
      return !named(folder, SafetensorsFormat.INDEX).isEmpty()
          || !named(folder, SafetensorsFormat.FILE).isEmpty();
    } catch (IOException e) {
      return false;
    }
  }

  /** Gives the index or file that is the folder's model. */
  static Path model(Path folder) throws IOException {
    for (String suffix : List.of(SafetensorsFormat.INDEX, SafetensorsFormat.FILE)) {
      List<Path> found = named(folder, suffix);
      Path usual = folder.resolve("model" + suffix);
      if (found.contains(usual)) {
        return usual;
      }
      if (found.size() == 1) {
        return found.get(0);
      }
      if (!found.isEmpty()) {
        throw CheckpointFormatException.of(
            Code.UNSUPPORTED,
            folder,
            "has " + found.size() + " files *" + suffix + "; name the one that is meant");
      }
    }
    throw CheckpointFormatException.of(Code.UNSUPPORTED, folder, "has no safetensors model");
  }

  private static List<Path> named(Path folder, String suffix) throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.filter(path -> isModelName(path.getFileName().toString(), suffix)).toList();
    }
  }

  private static boolean isModelName(String name, String suffix) {
    return name.endsWith(suffix) && !name.startsWith(".");
  }

  /**
   * Gives the files that are copied along with the model, relative to the folder: all regular ones,
   * also in folders below it, but for weights of any format, and for folders whose name begins with
   * a dot.
   *
   * @param without a folder that may lie below and is passed over
   */
  static List<Path> companions(Path folder, Path without) throws IOException {
    List<Path> found = new ArrayList<>();
    Files.walkFileTree(
        folder,
        Set.of(),
        DEEPEST,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path below, BasicFileAttributes attributes) {
            boolean hidden = below.getFileName().toString().startsWith(".");
            boolean passed = below.toAbsolutePath().normalize().equals(without);
            return !below.equals(folder) && (hidden || passed)
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            String name = file.getFileName().toString();
            if (Files.isRegularFile(file)
                && !WEIGHTS.matcher(name).matches()
                && !name.contains(".coppice-")) {
              found.add(folder.relativize(file));
            }
            if (found.size() > MOST_COMPANIONS) {
              throw CheckpointFormatException.of(
                  Code.LIMIT, folder, "has more than " + MOST_COMPANIONS + " files");
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return found;
  }
}
