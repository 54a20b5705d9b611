package dev.coppice.formats.onnx;

import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.OutputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** A model file, and its external data under new names beside it. */
final class FileOutput implements OnnxOutput {
  private final FileTarget target;
  private final InputFile model;
  private final Set<String> superseded;
  private final IdentityHashMap<InputFile, OutputFile> data = new IdentityHashMap<>();

  private FileOutput(FileTarget target, InputFile model, Set<String> superseded) {
    this.target = target;
    this.model = model;
    this.superseded = superseded;
  }

  static FileOutput begin(
      Path path, boolean overwrite, InputFile model, Collection<InputFile> externals)
      throws IOException {
    List<Path> inputs = new ArrayList<>(List.of(model.path()));
    externals.forEach(external -> inputs.add(external.path()));
    FileTarget target = FileTarget.begin(path, overwrite, inputs);
    FileOutput output = new FileOutput(target, model, superseded(path));
    try {
      String stem = path.getFileName().toString().replaceFirst("\\.[^.]*$", "");
      for (InputFile external : externals) {
        String number = output.data.isEmpty() ? "" : "-" + (output.data.size() + 1);
        output.data.put(external, target.data(stem + number + ".data"));
      }
    } catch (IOException | RuntimeException e) {
      output.close();
      throw e;
    }
    return output;
  }

  /** Finds the data files that the model at the target has. */
  private static Set<String> superseded(Path path) {
    Set<String> names = new HashSet<>();
    if (Files.isRegularFile(path)) {
      try (OnnxCheckpoint old = OnnxCheckpoint.open(path, path)) {
        names.addAll(old.locations());
      } catch (IOException | RuntimeException e) {
        return Set.of(); // Not a whole model: what it points to is not ours to delete.
      }
    }
    return names;
  }

  @Override
  public OutputFile of(InputFile input) {
    return input == model ? target.main() : Objects.requireNonNull(data.get(input));
  }

  @Override
  public Optional<String> renamed(InputFile external) {
    return Optional.of(of(external).name());
  }

  @Override
  public void commit() throws IOException {
    model.verify();
    for (InputFile external : data.keySet()) {
      external.verify();
    }
    target.commit(superseded);
  }

  @Override
  public void close() {
    target.close();
  }
}
