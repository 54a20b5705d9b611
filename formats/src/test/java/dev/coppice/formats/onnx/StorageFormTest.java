package dev.coppice.formats.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Weights are read and zeroed in place in every form that TensorProto has for them. */
class StorageFormTest {
  /** Several chunks of 64 KB and several marks of the index; no multiple of either. */
  private static final int COUNT = 50_021;

  private static final long[] DIMS = {COUNT, 1};

  @TempDir Path folder;

  private static boolean picked(long index) {
    return index % 3 != 1;
  }

  static Stream<Arguments> forms() {
    int[] floats = bits(Integer.MIN_VALUE, Integer.MAX_VALUE);
    int[] halves = bits(0, 0x10000);
    int mid = COUNT / 2;
    return Stream.of(
        Arguments.of("raw F32", DataType.FLOAT, floats, raw(floats, 4)),
        Arguments.of("raw F16", DataType.FLOAT16, halves, raw(halves, 2)),
        Arguments.of("packed floats", DataType.FLOAT, floats, packedFloats(floats, 0, COUNT)),
        Arguments.of(
            "packed floats in pieces",
            DataType.FLOAT,
            floats,
            Bytes.concat(
                packedFloats(floats, 0, 1),
                packedFloats(floats, 1, 1),
                packedFloats(floats, 1, mid),
                packedFloats(floats, mid, COUNT))),
        Arguments.of("single floats", DataType.FLOAT, floats, singleFloats(floats, 0, COUNT)),
        Arguments.of(
            "single and packed floats",
            DataType.FLOAT,
            floats,
            Bytes.concat(
                singleFloats(floats, 0, mid),
                packedFloats(floats, mid, COUNT - 7),
                singleFloats(floats, COUNT - 7, COUNT))),
        Arguments.of("packed halves", DataType.FLOAT16, halves, packedHalves(halves, 0, COUNT)),
        Arguments.of(
            "packed and single halves",
            DataType.BFLOAT16,
            halves,
            Bytes.concat(
                packedHalves(halves, 0, 3),
                singleHalves(halves, 3, mid),
                packedHalves(halves, mid, COUNT))),
        Arguments.of("single halves", DataType.BFLOAT16, halves, singleHalves(halves, 0, COUNT)),
        Arguments.of("halves as negative numbers", DataType.FLOAT16, halves, signedHalves(halves)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("forms")
  void isReadAsTheLibraryReadsIt(String form, DataType type, int[] bits, byte[] data)
      throws IOException {
    Path file = write(type, data);
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      CheckpointTensor tensor = Copies.tensor(checkpoint, "w");
      assertThat(bits(Copies.read(checkpoint, tensor, 0, COUNT), type)).isEqualTo(bits);
      assertThat(bits(Files.readAllBytes(file))).isEqualTo(bits);
      SplittableRandom random = new SplittableRandom(7);
      for (int i = 0; i < 200; i++) {
        int first = random.nextInt(COUNT);
        int count = random.nextInt(1, 9000);
        int[] expected = Arrays.copyOfRange(bits, first, Math.min(COUNT, first + count));
        assertThat(bits(Copies.read(checkpoint, tensor, first, count), type)).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("forms")
  void isZeroedInPlaceAndNothingElseChanges(String form, DataType type, int[] bits, byte[] data)
      throws IOException {
    Path file = write(type, data);
    Path target = folder.resolve("out.onnx");
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      Copies.write(checkpoint, target, false, Set.of("w"), StorageFormTest::picked);
    }
    byte[] written = Files.readAllBytes(target);
    assertThat(written).hasSameSizeAs(Files.readAllBytes(file));
    int[] expected = bits.clone();
    for (int i = 0; i < COUNT; i++) {
      expected[i] = picked(i) ? 0 : bits[i];
    }
    assertThat(bits(written)).isEqualTo(expected);
    assertThat(withoutData(written)).isEqualTo(withoutData(Files.readAllBytes(file)));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("forms")
  void isCopiedByteForByteWhereNothingIsZeroed(String form, DataType type, int[] bits, byte[] data)
      throws IOException {
    Path file = write(type, data);
    Path target = folder.resolve("out.onnx");
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      Copies.write(checkpoint, target, false, Set.of("w"), index -> false);
    }
    assertThat(target).hasSameBinaryContentAs(file);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("forms")
  void theBytesOfItsDataAreThoseOfTheFile(String form, DataType type, int[] bits, byte[] data)
      throws IOException {
    try (Checkpoint checkpoint = new OnnxFormat().open(write(type, data))) {
      CheckpointTensor tensor = Copies.tensor(checkpoint, "w");
      ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes());
      checkpoint.readBytes(tensor, 0, bytes);
      byte[] tail = Arrays.copyOfRange(data, data.length - 8, data.length);
      assertThat(bytes.array()).hasSizeBetween(data.length - 24, data.length).endsWith(tail);
      ByteBuffer part = ByteBuffer.allocate(1000);
      checkpoint.readBytes(tensor, 77, part);
      assertThat(part.array()).isEqualTo(Arrays.copyOfRange(bytes.array(), 77, 1077));
    }
  }

  private Path write(DataType type, byte[] data) throws IOException {
    GraphProto rest =
        GraphProto.newBuilder().addNode(Models.node("MatMul", "x w", "y")).setName("g").build();
    TensorProto tensor = Models.tensor("w", type, DIMS).build();
    return Files.write(folder.resolve("in.onnx"), Bytes.model(tensor, data, rest));
  }

  private static int[] bits(int least, int bound) {
    int[] bits = new SplittableRandom(3).ints(COUNT, least, bound).toArray();
    bits[0] = 0;
    bits[2] = bound == 0x10000 ? 0x8000 : Integer.MIN_VALUE;
    bits[COUNT - 2] = 0x7F;
    return bits;
  }

  private static byte[] raw(int[] bits, int width) {
    return Bytes.of(
        out -> {
          out.writeTag(9, 2);
          out.writeUInt32NoTag(width * COUNT);
          for (int b : bits) {
            if (width == 4) {
              out.writeFixed32NoTag(b);
            } else {
              out.write((byte) b);
              out.write((byte) (b >> 8));
            }
          }
        });
  }

  private static byte[] packedFloats(int[] bits, int from, int to) {
    return Bytes.of(
        out -> {
          out.writeTag(4, 2);
          out.writeUInt32NoTag(4 * (to - from));
          for (int i = from; i < to; i++) {
            out.writeFixed32NoTag(bits[i]);
          }
        });
  }

  private static byte[] singleFloats(int[] bits, int from, int to) {
    return Bytes.of(
        out -> {
          for (int i = from; i < to; i++) {
            out.writeFixed32(4, bits[i]);
          }
        });
  }

  private static byte[] packedHalves(int[] bits, int from, int to) {
    return Bytes.field(
        5,
        Bytes.of(
            out -> {
              for (int i = from; i < to; i++) {
                out.writeUInt32NoTag(bits[i]);
              }
            }));
  }

  private static byte[] singleHalves(int[] bits, int from, int to) {
    return Bytes.of(
        out -> {
          for (int i = from; i < to; i++) {
            out.writeInt32(5, bits[i]);
          }
        });
  }

  private static byte[] signedHalves(int[] bits) {
    return Bytes.field(
        5,
        Bytes.of(
            out -> {
              for (int b : bits) {
                out.writeInt32NoTag((short) b);
              }
            }));
  }

  private static int[] bits(ByteBuffer bytes, DataType type) {
    int width = type == DataType.FLOAT ? 4 : 2;
    int[] bits = new int[bytes.remaining() / width];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = width == 4 ? bytes.getInt(4 * i) : bytes.getShort(2 * i) & 0xFFFF;
    }
    return bits;
  }

  /** Reads the weights as onnx.proto's own classes do. */
  private static int[] bits(byte[] model) throws IOException {
    TensorProto tensor = ModelProto.parseFrom(model).getGraph().getInitializer(0);
    DataType type = DataType.forNumber(tensor.getDataType());
    if (!tensor.getRawData().isEmpty()) {
      ByteBuffer raw = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
      return bits(raw, type);
    }
    return type == DataType.FLOAT
        ? tensor.getFloatDataList().stream().mapToInt(Float::floatToRawIntBits).toArray()
        : tensor.getInt32DataList().stream().mapToInt(value -> value & 0xFFFF).toArray();
  }

  private static ModelProto withoutData(byte[] bytes) throws IOException {
    ModelProto.Builder model = ModelProto.parseFrom(bytes).toBuilder();
    model
        .getGraphBuilder()
        .getInitializerBuilder(0)
        .clearRawData()
        .clearFloatData()
        .clearInt32Data();
    return model.build();
  }
}
