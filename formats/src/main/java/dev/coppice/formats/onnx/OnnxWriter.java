package dev.coppice.formats.onnx;

import dev.coppice.formats.files.CopiedRange;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.OutputFile;
import dev.coppice.formats.onnx.LocationEdits.Edit;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * A copy of a model that is being written: the same bytes, but for changed tensors and, where
 * external data get new names, those names.
 */
final class OnnxWriter implements CheckpointWriter {
  private final OnnxOutput output;
  private final InputFile model;
  private final Map<String, StoredTensor> changed;
  private final List<Piece> rest = new ArrayList<>();

  /** By positions of the model file: how far bytes from there on move. */
  private final NavigableMap<Long, Long> shifts = new TreeMap<>(Map.of(0L, 0L));

  /** Bytes of an input that are not copied. */
  private record Range(long start, long end) {}

  private OnnxWriter(OnnxOutput output, InputFile model, Map<String, StoredTensor> changed) {
    this.output = output;
    this.model = model;
    this.changed = changed;
  }

  /**
   * Begins a copy; takes over {@code output}, also if it fails.
   *
   * @param tensors all tensors of the model
   * @param changed those that are written anew, by name
   */
  static OnnxWriter begin(
      OnnxOutput output,
      InputFile model,
      Collection<InputFile> externals,
      List<StoredTensor> tensors,
      Map<String, StoredTensor> changed)
      throws IOException {
    OnnxWriter writer = new OnnxWriter(output, model, changed);
    try {
      List<StoredTensor> renamed =
          tensors.stream()
              .filter(tensor -> tensor.location() != null)
              .filter(tensor -> output.renamed(tensor.file()).isPresent())
              .toList();
      List<Edit> edits =
          LocationEdits.of(renamed, tensor -> output.renamed(tensor.file()).orElseThrow());
      writer.write(edits);
      writer.planRest(externals, edits);
      return writer;
    } catch (IOException | RuntimeException e) {
      output.close();
      throw e;
    }
  }

  private void write(List<Edit> edits) throws IOException {
    long shift = 0;
    OutputFile file = output.of(model);
    for (Edit edit : edits) {
      file.write(edit.start() + shift, edit.bytes());
      shift += edit.growth();
      shifts.put(edit.end(), shift);
    }
  }

  private void planRest(Collection<InputFile> externals, List<Edit> edits) {
    IdentityHashMap<InputFile, List<Range>> skipped = new IdentityHashMap<>();
    skipped.put(model, new ArrayList<>());
    externals.forEach(external -> skipped.put(external, new ArrayList<>()));
    for (Edit edit : edits) {
      skipped.getOrDefault(model, List.of()).add(new Range(edit.start(), edit.end()));
    }
    for (StoredTensor tensor : changed.values()) {
      for (Run run : tensor.runs()) {
        skipped.getOrDefault(tensor.file(), List.of()).add(new Range(run.start(), run.end()));
      }
    }
    skipped.forEach(this::copyAllBut);
  }

  private void copyAllBut(InputFile input, List<Range> skipped) {
    skipped.sort(Comparator.comparingLong(Range::start).thenComparingLong(Range::end));
    skipped.add(new Range(input.size(), input.size()));
    long from = 0;
    for (Range range : skipped) {
      CopiedRange.split(
          input, from, output.of(input), moved(input, from), range.start() - from, rest);
      from = range.end();
    }
  }

  private long moved(InputFile input, long position) {
    return input == model ? position + shifts.floorEntry(position).getValue() : position;
  }

  @Override
  public void write(CheckpointTensor tensor, long first, ByteBuffer from) throws IOException {
    StoredTensor stored = changed.get(tensor.name());
    if (stored == null) {
      throw new IllegalArgumentException(tensor.name() + " is not among the changed tensors");
    }
    InputFile input = stored.file();
    OutputFile file = output.of(input);
    stored.write(
        (position, bytes) -> file.write(moved(input, position), bytes),
        OnnxCheckpoint.width(tensor),
        first,
        from);
  }

  @Override
  public List<Piece> rest() {
    return List.copyOf(rest);
  }

  @Override
  public void commit() throws IOException {
    output.commit();
  }

  @Override
  public void close() {
    output.close();
  }
}
