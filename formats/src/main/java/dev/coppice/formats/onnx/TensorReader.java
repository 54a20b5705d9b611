package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Shape;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.onnx.ElementType.Field;
import dev.coppice.formats.onnx.StoredTensor.Extent;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads one TensorProto: notes where its data lie, and checks that they are what it needs. */
final class TensorReader {
  private static final int MAX_RANK = 64;
  private static final long UNKNOWN = -1;
  private static final String LOCATION = "location";

  private final Message message;
  private final Wire wire;
  private final InputFile file;
  private final ExternalFiles externals;

  private String name = "";
  private long typeNumber;
  private final List<Long> dimensions = new ArrayList<>();
  private boolean external;
  private long rawStart = UNKNOWN;
  private long rawBytes;
  private final Map<Field, Long> values = new EnumMap<>(Field.class);
  private final List<Run> floats = new ArrayList<>();
  private final List<Run> halves = new ArrayList<>();
  private VarintRun.@Nullable Builder halvesRun;
  private final Map<String, String> entries = new HashMap<>();
  private StoredTensor.@Nullable Location location;
  private final List<Extent> extents = new ArrayList<>();

  private TensorReader(Message message, InputFile file, ExternalFiles externals) {
    this.message = message;
    this.wire = message.wire();
    this.file = file;
    this.externals = externals;
  }

  static StoredTensor read(Message message, InputFile file, ExternalFiles externals)
      throws IOException {
    TensorReader reader = new TensorReader(message, file, externals);
    reader.wire.spend(1024);
    while (message.next()) {
      reader.field();
    }
    return reader.tensor();
  }

  private void field() throws IOException {
    switch (message.field()) {
      case 1 -> message.varints((dimension, end) -> addDimension(dimension));
      case 2 -> typeNumber = message.isVarint() ? (int) message.value() : typeNumber;
      case 3 -> refuse(Code.UNSUPPORTED, "is a segment of a tensor; write it in one piece");
      case 4 -> addFloats();
      case 5 -> addInt32s();
      case 6 -> addString();
      case 7 -> countVarints(Field.INT64S);
      case 8 -> name = message.isBody() ? message.string() : name;
      case 9 -> addRaw();
      case 10 -> addDoubles();
      case 11 -> countVarints(Field.UINT64S);
      case 13 -> addEntry();
      case 14 -> external = message.isVarint() ? message.value() == 1 : external;
      case 16 -> MessageType.FLAT.checkField(message);
      default -> {}
    }
  }

  private void addDimension(long dimension) {
    if (dimension < 0) {
      refuse(Code.SHAPE, "has a dimension of " + dimension);
    }
    if (dimensions.size() == MAX_RANK) {
      refuse(Code.SHAPE, "has more than " + MAX_RANK + " dimensions");
    }
    dimensions.add(dimension);
  }

  private void addRaw() {
    if (message.isBody()) {
      if (rawStart != UNKNOWN) {
        refuse(Code.DUPLICATE_KEY, "has raw_data twice");
      }
      rawStart = message.bodyStart();
      rawBytes = message.value();
    }
  }

  private void addFloats() {
    if (message.isBody()) {
      if (message.value() % Float.BYTES != 0) {
        throw wire.bad(message.tag(), "float_data of " + message.value() + " bytes");
      }
      addFloats(message.bodyStart(), message.value() / Float.BYTES, Float.BYTES);
    } else if (message.isFixed32()) {
      addFloats(message.tag(), 1, (int) (message.bodyEnd() - message.tag()));
    }
  }

  private void addFloats(long start, long count, int stride) {
    count(Field.FLOATS, count);
    addExtent(start, start + count * stride);
    FixedRun last = floats.isEmpty() ? null : (FixedRun) floats.get(floats.size() - 1);
    if (last != null && last.end() == start && last.stride() == stride) {
      floats.set(floats.size() - 1, new FixedRun(last.start(), last.elements() + count, stride));
    } else if (count > 0) {
      wire.spend(64);
      floats.add(new FixedRun(start, count, stride));
    }
  }

  private void addInt32s() throws IOException {
    boolean tagged = message.isVarint();
    long start = bodyStartOrTag();
    VarintRun.Builder run = halvesRun;
    if (run == null || !tagged || !run.continues(start)) {
      endInt32s();
      wire.spend(128);
      run = new VarintRun.Builder(start, tagged);
      halvesRun = run;
    }
    VarintRun.Builder elements = run;
    message.varints((value, end) -> elements.add(end));
    addExtent(start, message.bodyEnd());
  }

  private void endInt32s() {
    if (halvesRun != null && !halvesRun.isEmpty()) {
      VarintRun run = halvesRun.build();
      halves.add(run);
      count(Field.INT32S, run.elements());
    }
    halvesRun = null;
  }

  private void addDoubles() {
    if (message.isBody() && message.value() % Double.BYTES != 0) {
      throw wire.bad(message.tag(), "double_data of " + message.value() + " bytes");
    }
    long bytes = message.isBody() ? message.value() : message.isFixed64() ? Double.BYTES : 0;
    count(Field.DOUBLES, bytes / Double.BYTES);
    addExtent(bodyStartOrTag(), message.bodyEnd());
  }

  private long bodyStartOrTag() {
    return message.isBody() ? message.bodyStart() : message.tag();
  }

  private void addExtent(long start, long end) {
    Extent last = extents.isEmpty() ? null : extents.get(extents.size() - 1);
    if (last != null && last.end() == start) {
      extents.set(extents.size() - 1, new Extent(last.start(), end));
    } else if (start < end) {
      wire.spend(64);
      extents.add(new Extent(start, end));
    }
  }

  private void count(Field field, long more) {
    values.merge(field, more, Long::sum);
  }

  private boolean hasValues() {
    return values.values().stream().anyMatch(count -> count > 0);
  }

  private void addString() {
    if (message.isBody()) {
      count(Field.STRINGS, 1);
      addExtent(message.tag(), message.bodyEnd());
    }
  }

  private void countVarints(Field field) throws IOException {
    long[] seen = new long[1];
    message.varints((value, end) -> seen[0]++);
    count(field, seen[0]);
    addExtent(bodyStartOrTag(), message.bodyEnd());
  }

  private void addEntry() throws IOException {
    if (!message.isBody()) {
      return;
    }
    Message entry = message.message();
    String key = "";
    String value = "";
    long start = UNKNOWN;
    long end = UNKNOWN;
    while (entry.next()) {
      if (entry.isBody() && entry.field() == 1) {
        key = entry.string();
      } else if (entry.isBody() && entry.field() == 2) {
        value = entry.string();
        start = entry.valueStart();
        end = entry.bodyEnd();
      }
    }
    wire.spend(128);
    if (entries.put(key, value) != null) {
      refuse(Code.DUPLICATE_KEY, "has \"" + key + "\" of its external data twice");
    }
    if (key.equals(LOCATION)) {
      wire.spend(512);
      location = new StoredTensor.Location(value, entry, start, end);
    }
  }

  private StoredTensor tensor() throws IOException {
    endInt32s();
    ElementType type = ElementType.of(typeNumber).orElse(null);
    if (type == null) {
      throw refused(Code.DTYPE, "has data type " + typeNumber);
    }
    Shape shape;
    long rawSize;
    long valueCount;
    try {
      shape = Shape.of(dimensions.stream().mapToLong(Long::longValue).toArray());
      rawSize = type.rawBytes(shape.elements());
      valueCount = type.fieldValues(shape.elements());
    } catch (ArithmeticException e) {
      throw refused(Code.OVERFLOW, "has a size above 2^63");
    }
    if (external) {
      return externalTensor(type, shape, rawSize);
    }
    if (rawStart != UNKNOWN) {
      checkRaw(type, rawSize);
      addExtent(rawStart, rawStart + rawBytes);
      return embedded(type, shape, List.of(rawRun(type, shape)));
    }
    checkValues(type, valueCount);
    return embedded(type, shape, typedRuns(type));
  }

  private StoredTensor embedded(ElementType type, Shape shape, List<Run> runs) {
    List<Run> used = type.dtype().isPresent() ? List.copyOf(runs) : List.of();
    return new StoredTensor(name, type, shape, message.start(), file, extents, used, null);
  }

  private FixedRun rawRun(ElementType type, Shape shape) {
    int width = type.dtype().map(dtype -> dtype.bytes()).orElse(1);
    return new FixedRun(rawStart, shape.elements(), width);
  }

  private List<Run> typedRuns(ElementType type) {
    return type.field() == Field.FLOATS ? floats : halves;
  }

  private void checkRaw(ElementType type, long needed) {
    if (type == ElementType.STRING) {
      refuse(Code.TENSOR_SIZE, "has raw_data, and its type is STRING");
    }
    if (hasValues()) {
      refuse(Code.TENSOR_SIZE, "has raw_data and other data");
    }
    if (rawBytes != needed) {
      refuse(Code.TENSOR_SIZE, "has %d bytes of raw_data and needs %d".formatted(rawBytes, needed));
    }
  }

  private void checkValues(ElementType type, long needed) {
    for (Field field : Field.values()) {
      long count = values.getOrDefault(field, 0L);
      long wanted = field == type.field() ? needed : 0;
      if (count != wanted) {
        refuse(
            Code.TENSOR_SIZE,
            "has %d values in %s and needs %d".formatted(count, field.fieldName(), wanted));
      }
    }
  }

  private StoredTensor externalTensor(ElementType type, Shape shape, long needed)
      throws IOException {
    if (rawStart != UNKNOWN || hasValues()) {
      refuse(Code.TENSOR_SIZE, "has external data and other data");
    }
    if (type == ElementType.STRING) {
      refuse(Code.TENSOR_SIZE, "has external data, and its type is STRING");
    }
    StoredTensor.Location named = location;
    if (named == null) {
      throw refused(Code.PATH_ESCAPE, "has external data without a location");
    }
    InputFile data = externals.open(named.name(), name);
    long offset = number("offset", 0);
    long length = number("length", needed);
    if (length != needed) {
      refuse(Code.EXTERNAL_RANGE, "needs %d bytes, not %d".formatted(needed, length));
    }
    if (offset > data.size() || length > data.size() - offset) {
      refuse(
          Code.EXTERNAL_RANGE,
          "has bytes %d to %s of \"%s\", which has %d"
              .formatted(
                  offset, Long.toUnsignedString(offset + length), named.name(), data.size()));
    }
    int width = type.dtype().map(dtype -> dtype.bytes()).orElse(1);
    addExtent(offset, offset + length);
    Run run = new FixedRun(offset, needed / width, width);
    return new StoredTensor(name, type, shape, message.start(), data, extents, List.of(run), named);
  }

  private long number(String key, long otherwise) {
    String text = entries.get(key);
    if (text == null) {
      return otherwise;
    }
    try {
      if (text.chars().allMatch(c -> c >= '0' && c <= '9')) {
        return Long.parseLong(text);
      }
    } catch (NumberFormatException e) {
      // Empty or too large; refused below.
    }
    throw refused(
        Code.EXTERNAL_RANGE, "has \"" + text + "\" as the " + key + " of its external data");
  }

  private void refuse(Code code, String why) {
    throw refused(code, why);
  }

  private CheckpointFormatException refused(Code code, String why) {
    return CheckpointFormatException.in(code, wire.path(), name, message.start(), why);
  }
}
