package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Samples from a file that has an array for each input of the model, under the input's name. */
final class ArraySamples implements Samples {
  private static final String LABELS = "labels";
  private static final long MOST_SAMPLES = 10_000_000;
  private static final long MOST_SAMPLE_BYTES = 256L << 20;

  private record Column(ModelInput input, StoredArray array, StoredArray.Reader reader) {}

  private final ArrayFile file;
  private final int[] picks;
  private final List<Column> columns = new ArrayList<>();
  private final Truth truth;

  private ArraySamples(ArrayFile file, List<ModelInput> inputs, DataOptions options)
      throws IOException {
    this.file = file;
    List<StoredArray> arrays = new ArrayList<>();
    for (ModelInput input : inputs) {
      arrays.add(find(input));
    }
    int count = (int) arrays.get(0).shape().dimension(0);
    this.picks = options.pick(count);
    for (int i = 0; i < arrays.size(); i++) {
      checkCount(arrays.get(i), count);
      columns.add(new Column(inputs.get(i), arrays.get(i), arrays.get(i).open(picks)));
    }
    Optional<? extends StoredArray> labels = file.find(LABELS);
    this.truth = labels.isPresent() ? labels(labels.get(), count) : new Truth.None();
  }

  /** Takes the file over: it is closed with the samples, or if they are refused. */
  static ArraySamples of(ArrayFile file, List<ModelInput> inputs, DataOptions options)
      throws IOException {
    try {
      return new ArraySamples(file, inputs, options);
    } catch (IOException | RuntimeException e) {
      file.close();
      throw e;
    }
  }

  private StoredArray find(ModelInput input) throws IOException {
    Optional<? extends StoredArray> found = file.find(input.name());
    if (found.isEmpty()) {
      throw file.refused(Code.TENSOR_INFO, input.name(), "is not there, and the model needs it");
    }
    StoredArray array = found.get();
    checkShape(input, array);
    return array;
  }

  private void checkShape(ModelInput input, StoredArray array) {
    Shape shape = array.shape();
    boolean fits = shape.rank() == input.shape().size();
    for (int i = 1; fits && i < shape.rank(); i++) {
      long wanted = input.shape().get(i);
      fits = wanted < 0 ? shape.dimension(i) > 0 : shape.dimension(i) == wanted;
    }
    if (!fits) {
      throw file.refused(
          Code.SHAPE,
          array.name(),
          "is %s; the model takes %s, samples along the first axis"
              .formatted(shape, input.shape().toString().replace("-1", "any")));
    }
    if (shape.dimension(0) < 1 || shape.dimension(0) > MOST_SAMPLES) {
      throw file.refused(Code.LIMIT, array.name(), "has " + shape.dimension(0) + " samples");
    }
    if (array.shape().after(0) > MOST_SAMPLE_BYTES / Math.max(8, input.type().bytes())) {
      throw file.refused(Code.LIMIT, array.name(), "has samples that are too large: " + shape);
    }
  }

  private void checkCount(StoredArray array, int count) {
    if (array.shape().rank() == 0 || array.shape().dimension(0) != count) {
      throw file.refused(
          Code.SHAPE, array.name(), "is " + array.shape() + " beside arrays of " + count);
    }
  }

  private Truth labels(StoredArray array, int count) throws IOException {
    checkCount(array, count);
    if (array.shape().elements() != count) {
      throw file.refused(
          Code.SHAPE, LABELS, "is " + array.shape() + "; one number a sample is needed");
    }
    StoredArray.Reader reader = array.open(picks);
    List<Integer> classes = new ArrayList<>();
    ByteBuffer number = ByteBuffer.allocate(array.type().bytes()).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer label = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
    for (int pick : picks) {
      reader.read(pick, number.clear());
      if (array.type().convert(number.flip(), NumberType.I32, label.clear()) >= 0
          || label.getInt(0) < 0) {
        throw file.refused(Code.TENSOR_INFO, LABELS, "of sample " + pick + " is no class");
      }
      classes.add(label.getInt(0));
    }
    return new Truth.Labels(List.copyOf(classes));
  }

  @Override
  public int size() {
    return picks.length;
  }

  @Override
  public int[] order() {
    return IntStream.range(0, picks.length).toArray();
  }

  @Override
  public long sampleBytes() {
    return columns.stream()
        .mapToLong(c -> c.array().shape().after(0) * c.input().type().bytes())
        .max()
        .orElseThrow();
  }

  @Override
  public Map<String, InputValues> read(int[] samples) throws IOException {
    Map<String, InputValues> values = new LinkedHashMap<>();
    for (Column column : columns) {
      values.put(column.input().name(), read(column, samples));
    }
    return values;
  }

  private InputValues read(Column column, int[] samples) throws IOException {
    StoredArray array = column.array();
    long[] shape = array.shape().toArray();
    InputValues values =
        InputValues.zeros(
            column.input().type(), samples.length, Arrays.stream(shape).skip(1).boxed().toList());
    ByteBuffer sample =
        ByteBuffer.allocate((int) array.sampleBytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i : samples) {
      column.reader().read(picks[i], sample.clear());
      int wrong = array.type().convert(sample.flip(), column.input().type(), values.data());
      if (wrong >= 0) {
        throw CheckpointFormatException.in(
            Code.DTYPE,
            file.path(),
            array.name(),
            -1,
            "has a number that is no %s, which the model takes: number %d of sample %d"
                .formatted(column.input().type(), wrong, picks[i]));
      }
    }
    return values;
  }

  @Override
  public Truth truth() {
    return truth;
  }

  @Override
  public void close() {
    file.close();
  }
}
