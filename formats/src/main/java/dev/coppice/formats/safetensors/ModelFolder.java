package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A folder with a model and what belongs to it: configuration, tokenizer, licence. */
final class ModelFolder {
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
}
