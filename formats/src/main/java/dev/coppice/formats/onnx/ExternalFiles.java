package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.Links;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** The files of external data that a model names, each opened once. */
final class ExternalFiles implements AutoCloseable {
  private static final int MOST = 4096;

  private final Path model;
  private final Map<String, InputFile> byLocation = new HashMap<>();
  private final Map<Path, InputFile> byPath = new LinkedHashMap<>();

  ExternalFiles(Path model) {
    this.model = model;
  }

  /** Opens the file that {@code tensor} names, or gives the one that is open. */
  InputFile open(String location, String tensor) throws IOException {
    InputFile known = byLocation.get(location);
    if (known != null) {
      return known;
    }
    if (byLocation.size() == MOST) {
      throw CheckpointFormatException.of(
          Code.LIMIT, model, "names more than " + MOST + " files of external data");
    }
    InputFile opened = openNew(location, tensor);
    InputFile first = byPath.putIfAbsent(opened.path(), opened);
    if (first != null) {
      opened.close();
    }
    InputFile file = first == null ? opened : first;
    byLocation.put(location, file);
    if (file.path().equals(model.toAbsolutePath())) {
      throw CheckpointFormatException.in(
          Code.EXTERNAL_RANGE, model, tensor, -1, "has the model itself as its external data");
    }
    return file;
  }

  private InputFile openNew(String location, String tensor) throws IOException {
    try {
      return InputFile.open(model, location, Links.REFUSED);
    } catch (NoSuchFileException e) {
      throw CheckpointFormatException.in(
          Code.EXTERNAL_RANGE, model, tensor, -1, "there is no file \"" + location + "\"");
    }
  }

  /** Gives the open files in the order in which they were first named. */
  Collection<InputFile> all() {
    return Collections.unmodifiableCollection(byPath.values());
  }

  @Override
  public void close() {
    byPath.values().forEach(InputFile::close);
  }
}
