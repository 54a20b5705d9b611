package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.onnx.Graph.Model;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/** An open ONNX model. */
final class OnnxCheckpoint implements Checkpoint {
  private final Path path;
  private final InputFile model;
  private final ExternalFiles externals;
  private final List<StoredTensor> stored;
  private final List<CheckpointTensor> tensors = new ArrayList<>();
  private final Map<String, StoredTensor> byName = new HashMap<>();
  private final List<SparseLayer> sparseLayers;

  private OnnxCheckpoint(
      Path path, InputFile model, ExternalFiles externals, ModelReader reader, Model graphs) {
    this.path = path;
    this.model = model;
    this.externals = externals;
    this.stored = reader.tensors();
    FunctionCalls.check(graphs.functions(), model.path());
    List<Constant> constants = new ArrayList<>(WeightSearch.run(graphs, model.path()));
    constants.sort(Comparator.comparingLong(constant -> constant.tensor().position()));
    exemptShared(constants);
    name(constants);
    sparseLayers = SparseLayer.of(graphs.graph());
    refuseQuantised(constants);
  }

  /**
   * Opens a model.
   *
   * @param path what the user named: the file or its folder
   */
  static OnnxCheckpoint open(Path path, Path file) throws IOException {
    InputFile model = InputFile.open(file);
    ExternalFiles externals = new ExternalFiles(file);
    try {
      ModelReader reader = new ModelReader(model, externals);
      Model graphs = reader.read();
      return new OnnxCheckpoint(path, model, externals, reader, graphs);
    } catch (IOException | RuntimeException e) {
      externals.close();
      model.close();
      throw e;
    }
  }

  /** Leaves alone what shares bytes of an external file: pruning it would change the other. */
  private void exemptShared(List<Constant> constants) {
    IdentityHashMap<StoredTensor, StoredTensor> shared = new IdentityHashMap<>();
    StoredTensor furthest = null;
    for (StoredTensor tensor : externalsInOrder()) {
      if (furthest != null
          && furthest.file() == tensor.file()
          && start(tensor) < start(furthest) + furthest.bytes()) {
        shared.put(tensor, furthest);
        shared.putIfAbsent(furthest, tensor);
      }
      if (furthest == null
          || furthest.file() != tensor.file()
          || start(tensor) + tensor.bytes() > start(furthest) + furthest.bytes()) {
        furthest = tensor;
      }
    }
    for (Constant constant : constants) {
      StoredTensor other = shared.get(constant.tensor());
      if (other != null) {
        constant.isExempt("shares its bytes with " + other.name());
      }
    }
  }

  private List<StoredTensor> externalsInOrder() {
    return stored.stream()
        .filter(tensor -> tensor.location() != null && tensor.bytes() > 0)
        .sorted(
            Comparator.comparing((StoredTensor tensor) -> tensor.file().path())
                .thenComparingLong(OnnxCheckpoint::start))
        .toList();
  }

  private static long start(StoredTensor tensor) {
    return tensor.runs().get(0).start();
  }

  /** Gives each constant a name of its own: where two share one, the path of the nodes around. */
  private void name(List<Constant> constants) {
    Set<String> seen = new HashSet<>();
    Set<String> twice = new HashSet<>();
    constants.stream().map(Constant::name).filter(n -> !seen.add(n)).forEach(twice::add);
    for (Constant constant : constants) {
      String name =
          twice.contains(constant.name()) ? constant.path() + constant.name() : constant.name();
      String unique = name;
      for (int i = 2; byName.containsKey(unique); i++) {
        unique = name + "#" + i;
      }
      byName.put(unique, constant.tensor());
      tensors.add(constant.described(unique));
    }
  }

  private void refuseQuantised(List<Constant> constants) {
    boolean prunable = tensors.stream().anyMatch(tensor -> !(tensor.role() instanceof Role.Other));
    if (!prunable && constants.stream().anyMatch(Constant::isQuantised)) {
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED, model.path(), "all of its weights are " + Constant.QUANTISED);
    }
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public String format() {
    return OnnxFormat.NAME;
  }

  @Override
  public List<CheckpointTensor> tensors() {
    return List.copyOf(tensors);
  }

  List<SparseLayer> sparseLayers() {
    return sparseLayers;
  }

  @Override
  public List<Path> inputs() {
    List<Path> inputs = new ArrayList<>(List.of(path, model.path()));
    externals.all().forEach(external -> inputs.add(external.path()));
    return inputs;
  }

  @Override
  public long bytes() {
    return model.size() + externals.all().stream().mapToLong(InputFile::size).sum();
  }

  @Override
  public void read(CheckpointTensor tensor, long first, ByteBuffer into) throws IOException {
    int width = width(tensor);
    Objects.checkFromIndexSize(first, into.remaining() / width, tensor.shape().elements());
    StoredTensor found = stored(tensor.name());
    found.read(width, first, into);
    found.file().verify();
  }

  @Override
  public void readBytes(CheckpointTensor tensor, long firstByte, ByteBuffer into)
      throws IOException {
    Objects.checkFromIndexSize(firstByte, into.remaining(), tensor.bytes());
    StoredTensor found = stored(tensor.name());
    found.readBytes(firstByte, into);
    found.file().verify();
  }

  @Override
  public CheckpointWriter rewrite(Path target, Set<String> changed, boolean overwrite)
      throws IOException {
    Map<String, StoredTensor> anew = new LinkedHashMap<>();
    changed.forEach(name -> anew.put(name, stored(name)));
    boolean folder = !path.toAbsolutePath().equals(model.path().toAbsolutePath());
    OnnxOutput output =
        folder
            ? FolderOutput.begin(path, target, overwrite, model, externals.all())
            : FileOutput.begin(target, overwrite, model, externals.all());
    return OnnxWriter.begin(output, model, externals.all(), stored, anew);
  }

  private StoredTensor stored(String name) {
    StoredTensor tensor = byName.get(name);
    if (tensor == null) {
      throw new IllegalArgumentException("no tensor \"" + name + "\" in " + path);
    }
    return tensor;
  }

  static int width(CheckpointTensor tensor) {
    return tensor
        .dtype()
        .orElseThrow(() -> new IllegalArgumentException(tensor.name() + " is of another type"))
        .bytes();
  }

  /** Gives the locations of external data, as they are written in the model. */
  Set<String> locations() {
    Set<String> names = new HashSet<>();
    for (StoredTensor tensor : stored) {
      if (tensor.location() != null) {
        names.add(tensor.location().name());
      }
    }
    return names;
  }

  @Override
  public void close() {
    externals.close();
    model.close();
  }
}
