package dev.coppice.formats.onnx;

import dev.coppice.formats.files.Companions;
import dev.coppice.formats.files.FolderTarget;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.Links;
import dev.coppice.formats.files.OutputFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** A folder with a model, all files under their old names, and the small files beside it. */
final class FolderOutput implements OnnxOutput {
  private final FolderTarget target;
  private final Map<InputFile, OutputFile> files = new LinkedHashMap<>();
  private final Path model;
  private final List<Path> companions;

  private FolderOutput(FolderTarget target, Path model, List<Path> companions) {
    this.target = target;
    this.model = model;
    this.companions = companions;
  }

  static FolderOutput begin(
      Path folder, Path path, boolean overwrite, InputFile model, Collection<InputFile> externals)
      throws IOException {
    List<Path> inputs = new ArrayList<>(List.of(model.path()));
    externals.forEach(external -> inputs.add(external.path()));
    List<Path> companions =
        Companions.of(folder, path.toAbsolutePath().normalize()).stream()
            .filter(companion -> !inputs.contains(folder.toAbsolutePath().resolve(companion)))
            .toList();
    for (Path companion : companions) {
      open(model.path(), companion).close(); // Refused now rather than after the work.
    }
    FolderTarget target = FolderTarget.begin(path, overwrite, inputs);
    FolderOutput output = new FolderOutput(target, model.path(), companions);
    try {
      output.add(folder, model);
      for (InputFile external : externals) {
        output.add(folder, external);
      }
    } catch (IOException | RuntimeException e) {
      output.close();
      throw e;
    }
    return output;
  }

  private static InputFile open(Path model, Path companion) throws IOException {
    return InputFile.open(model, companion.toString(), Links.WITHIN_MODEL);
  }

  private void add(Path folder, InputFile file) throws IOException {
    Path relative = folder.toAbsolutePath().relativize(file.path().toAbsolutePath());
    files.put(file, target.file(relative));
  }

  @Override
  public OutputFile of(InputFile input) {
    return Objects.requireNonNull(files.get(input));
  }

  @Override
  public Optional<String> renamed(InputFile external) {
    return Optional.empty();
  }

  @Override
  public void commit() throws IOException {
    for (InputFile file : files.keySet()) {
      file.verify();
    }
    for (Path companion : companions) {
      try (InputFile file = open(model, companion)) {
        target.copy(file, companion);
      }
    }
    target.commit();
  }

  @Override
  public void close() {
    target.close();
  }
}
