package dev.coppice.formats.safetensors;

import com.fasterxml.jackson.core.JsonToken;
import dev.coppice.Axes;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Shape;
import dev.coppice.formats.files.InputFile;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import java.io.IOException;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The three fields that describe a tensor, as they are found, and what they come to together. */
final class TensorFields {
  private static final Role MATRIX_OR_CONVOLUTION = new Role.Weight(new Axes(0, 1));
  private static final Role VECTOR = new Role.Weight(new Axes(0, 0));
  private static final Role SCALAR = new Role.Ambiguous("a scalar has no axes");

  private static final Map<ElementType, Role> NOT_PRUNED = new EnumMap<>(ElementType.class);

  static {
    for (ElementType type : ElementType.values()) {
      NOT_PRUNED.put(type, new Role.Other("dtype " + type + " is not pruned"));
    }
  }

  private final StrictJson json;
  private final String name;
  private @Nullable ElementType type;
  private long @Nullable [] dimensions;
  private long begin = -1;
  private long end = -1;

  TensorFields(StrictJson json, String name) {
    this.json = json;
    this.name = name;
  }

  void readType() throws IOException {
    String found = json.is(JsonToken.VALUE_STRING) ? json.text() : "";
    type =
        ElementType.of(found)
            .orElseThrow(
                () ->
                    json.refused(
                        Code.DTYPE, name, "\"" + found + "\" is no element type of the format"));
  }

  void readShape(int highestRank) throws IOException {
    if (!json.is(JsonToken.START_ARRAY)) {
      throw json.refused(Code.SHAPE, name, "its shape is not a list");
    }
    long[] read = new long[4];
    int rank = 0;
    while (json.next() != JsonToken.END_ARRAY) {
      long dimension = json.natural();
      if (dimension < 0) {
        throw json.refused(Code.SHAPE, name, "a dimension is not an integer from 0 to 2^63 - 1");
      }
      if (rank == highestRank) {
        throw json.refused(Code.SHAPE, name, "has more than " + highestRank + " dimensions");
      }
      if (rank == read.length) {
        read = Arrays.copyOf(read, 2 * rank);
      }
      read[rank++] = dimension;
    }
    dimensions = Arrays.copyOf(read, rank);
  }

  void readOffsets() throws IOException {
    if (!json.is(JsonToken.START_ARRAY)) {
      throw json.refused(Code.OFFSETS, name, "its data_offsets are not a list");
    }
    json.next();
    begin = json.natural();
    boolean two = begin >= 0 && json.next() != null;
    end = two ? json.natural() : -1;
    if (begin < 0 || end < begin || json.next() != JsonToken.END_ARRAY) {
      throw json.refused(
          Code.OFFSETS, name, "its data_offsets are not two integers, the second not the smaller");
    }
  }

  /** Checks the fields against each other; {@code at} is where the description begins. */
  StoredTensor finish(InputFile file, long at, long dataStart) {
    ElementType found = type;
    if (found == null || dimensions == null || end < 0) {
      String missing = found == null ? "dtype" : dimensions == null ? "shape" : "data_offsets";
      throw refused(Code.TENSOR_INFO, file, at, "has no field \"" + missing + "\"");
    }
    long bytes = bytes(file, at, found, dimensions);
    if (end - begin != bytes) {
      throw refused(
          Code.TENSOR_SIZE,
          file,
          at,
          "its shape and dtype need " + bytes + " bytes, and its offsets give " + (end - begin));
    }
    if (end > Long.MAX_VALUE - dataStart) {
      throw refused(Code.OFFSETS, file, at, "ends beyond 2^63");
    }
    Shape shape = Shape.of(dimensions);
    CheckpointTensor tensor =
        new CheckpointTensor(
            name, "", found.name(), found.dtype(), shape, bytes, role(found, shape.rank()));
    return new StoredTensor(tensor, file, dataStart + begin);
  }

  private long bytes(InputFile file, long at, ElementType found, long[] shape) {
    long bits;
    try {
      bits = 1;
      for (long dimension : shape) {
        bits = Math.multiplyExact(bits, dimension);
      }
      bits = Math.multiplyExact(bits, found.bits());
    } catch (ArithmeticException e) {
      throw refused(Code.OVERFLOW, file, at, "its shape is too large for any file");
    }
    if (bits % 8 != 0) {
      throw refused(Code.TENSOR_SIZE, file, at, "its data do not end with a whole byte");
    }
    return bits / 8;
  }

  static Role role(ElementType type, int rank) {
    if (type.dtype().isEmpty()) {
      return Objects.requireNonNull(NOT_PRUNED.get(type));
    }
    return switch (rank) {
      case 0 -> SCALAR;
      case 1 -> VECTOR;
      case 2, 3, 4, 5 -> MATRIX_OR_CONVOLUTION;
      default -> new Role.Ambiguous("a tensor of rank " + rank + " has no usual axes");
    };
  }

  private CheckpointFormatException refused(Code code, InputFile file, long at, String message) {
    return CheckpointFormatException.in(code, file.path(), name, at, message);
  }
}
