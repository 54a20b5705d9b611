package dev.coppice.formats.onnx;

import dev.coppice.formats.files.CopiedRange;
import dev.coppice.formats.files.FolderTarget;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.Links;
import dev.coppice.formats.files.OutputFile;
import dev.coppice.spi.CheckpointWriter.Piece;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A folder with a model, all files under their old names, and the small files beside it. */
final class FolderOutput implements OnnxOutput {
  /** What is not copied along: hidden files, and the model's weights for other software. */
  private static final Pattern LEFT_BEHIND =
      Pattern.compile(
          "\\..*|.*\\.(onnx|safetensors|safetensors\\.index\\.json|bin|pt|pth|gguf|h5|msgpack|data"
              + "|onnx_data|ort|tflite|ot)",
          Pattern.CASE_INSENSITIVE);

  private final FolderTarget target;
  private final Map<InputFile, OutputFile> files = new LinkedHashMap<>();
  private final List<InputFile> companions = new ArrayList<>();

  private FolderOutput(FolderTarget target) {
    this.target = target;
  }

  static FolderOutput begin(
      Path folder, Path path, boolean overwrite, InputFile model, Collection<InputFile> externals)
      throws IOException {
    List<Path> inputs = new ArrayList<>(List.of(model.path()));
    externals.forEach(external -> inputs.add(external.path()));
    FolderOutput output = new FolderOutput(FolderTarget.begin(path, overwrite, inputs));
    try {
      output.add(folder, model);
      for (InputFile external : externals) {
        output.add(folder, external);
      }
      output.addCompanions(folder, model, inputs);
    } catch (IOException | RuntimeException e) {
      output.close();
      throw e;
    }
    return output;
  }

  private void add(Path folder, InputFile file) throws IOException {
    Path relative = folder.toAbsolutePath().relativize(file.path().toAbsolutePath());
    files.put(file, target.file(relative));
  }

  private void addCompanions(Path folder, InputFile model, List<Path> inputs) throws IOException {
    List<Path> found;
    try (Stream<Path> list = Files.list(folder.toAbsolutePath())) {
      found = list.filter(Files::isRegularFile).sorted().toList();
    }
    for (Path file : found) {
      String name = file.getFileName().toString();
      if (!inputs.contains(file) && !LEFT_BEHIND.matcher(name).matches()) {
        InputFile companion = InputFile.open(model.path(), name, Links.WITHIN_MODEL);
        companions.add(companion);
        files.put(companion, target.file(Path.of(name)));
      }
    }
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
  public void addCompanions(List<Piece> pieces) {
    for (InputFile companion : companions) {
      CopiedRange.split(companion, 0, of(companion), 0, companion.size(), pieces);
    }
  }

  @Override
  public void verifyInputs() throws IOException {
    for (InputFile file : files.keySet()) {
      file.verify();
    }
  }

  @Override
  public void commit() throws IOException {
    target.commit();
  }

  @Override
  public void close() {
    companions.forEach(InputFile::close);
    target.close();
  }
}
