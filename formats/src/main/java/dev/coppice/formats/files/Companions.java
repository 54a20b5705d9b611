package dev.coppice.formats.files;

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

/** What belongs to a model and lies in its folder: configuration, tokenizer, licence. */
public final class Companions {
  private static final int DEEPEST = 8;
  private static final int MOST = 10_000;

  /** Weights of any format: the pruned ones are written, and the others would no longer match. */
  private static final Pattern WEIGHTS =
      Pattern.compile(
          ".*\\.(safetensors|bin|pt|pth|ckpt|gguf|ggml|onnx|onnx[._]data|h5|hdf5|keras|npz|npy"
              + "|msgpack|pb|tflite|ot|pkl|engine)(\\.index\\.json)?");

  private Companions() {}

  /**
   * Gives the files that are copied along with the model, relative to the folder: all regular ones,
   * also in folders below it, but for weights of any format, and for folders whose name begins with
   * a dot.
   *
   * @param without a folder that may lie below and is passed over
   */
  public static List<Path> of(Path folder, Path without) throws IOException {
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
            if (found.size() > MOST) {
              throw CheckpointFormatException.of(
                  Code.LIMIT, folder, "has more than " + MOST + " files");
            }
            return FileVisitResult.CONTINUE;
          }
        });
    return found;
  }
}
