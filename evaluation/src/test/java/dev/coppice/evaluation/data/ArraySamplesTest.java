package dev.coppice.evaluation.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of the resources were written by numpy: make_data.py. */
class ArraySamplesTest {
  private static final DataOptions ALL = DataOptions.withThreads(1);

  @TempDir private Path folder;

  private Path resource(String name) throws IOException {
    Path file = folder.resolve(name);
    try (InputStream in =
        Objects.requireNonNull(ArraySamplesTest.class.getResourceAsStream(name))) {
      Files.write(file, in.readAllBytes());
    }
    return file;
  }

  private static ModelInput input(String name, NumberType type, Long... sample) {
    List<Long> shape = new ArrayList<>(List.of(-1L));
    shape.addAll(List.of(sample));
    return new ModelInput(name, type, shape);
  }

  private static ArraySamples npz(Path file, DataOptions options, ModelInput... inputs)
      throws IOException {
    return ArraySamples.of(NpzArrays.open(file), List.of(inputs), options);
  }

  private static double[] numbers(InputValues values) {
    ByteBuffer doubles = ByteBuffer.allocate(8 * 1000).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(values.type().convert(values.data().flip(), NumberType.F64, doubles)).isEqualTo(-1);
    doubles.flip();
    double[] numbers = new double[doubles.remaining() / 8];
    doubles.asDoubleBuffer().get(numbers);
    return numbers;
  }

  private static double[] read(Path file, String name, NumberType type, int... samples)
      throws IOException {
    try (ArraySamples arrays = npz(file, ALL, input(name, type, 2L))) {
      InputValues values = Objects.requireNonNull(arrays.read(samples).get(name));
      assertThat(values.shape()).containsExactly((long) samples.length, 2L);
      return numbers(values);
    }
  }

  private static void refused(Code code, String message, ThrowingCallable work) {
    assertThatThrownBy(work)
        .isInstanceOf(CheckpointFormatException.class)
        .hasMessageContaining(code.name())
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain.npz", "packed.npz", "wide.npz"})
  void everyTypeOfNumpyGivesItsNumbersWhateverTheModelTakes(String name) throws IOException {
    Path file = resource(name);
    for (NumberType type : List.of(NumberType.F32, NumberType.F64, NumberType.F16)) {
      for (String floats : List.of("f8", "f4", "f2")) {
        assertThat(read(file, floats, type, 3, 0)).containsExactly(1.5, 1.75, 0, 0.25);
      }
      for (String whole : List.of("i8", "i4", "i2", "i1")) {
        assertThat(read(file, whole, type, 4, 0)).containsExactly(3, 4, -5, -4);
      }
    }
    for (NumberType type : List.of(NumberType.I64, NumberType.I32, NumberType.BF16)) {
      for (String whole : List.of("u2", "u1")) {
        assertThat(read(file, whole, type, 1, 2)).containsExactly(2, 3, 4, 5);
      }
      assertThat(read(file, "i1", type, 0)).containsExactly(-5, -4);
      assertThat(read(file, "b1", type, 0, 1)).containsExactly(1, 0, 0, 1);
    }
    assertThat(read(file, "b1", NumberType.BOOL, 1)).containsExactly(0, 1);
  }

  @Test
  void theDirectoryOfAFileAboveFourGigabytesIsFoundByItsLongPlace() throws IOException {
    Path file = resource("wide.npz");
    byte[] bytes = Files.readAllBytes(file);
    int end = bytes.length - 22;
    Arrays.fill(bytes, end + 12, end + 20, (byte) -1);
    Files.write(file, bytes);
    assertThat(read(file, "f4", NumberType.F32, 4)).containsExactly(2, 2.25);
    bytes[end - 20] = 0;
    Files.write(file, bytes);
    refused(Code.OFFSETS, "damaged or cut short", () -> read(file, "f4", NumberType.F32, 4));
  }

  @Test
  void allVersionsOfTheFormatAreRead() throws IOException {
    Path file = resource("versions.npz");
    for (String version : List.of("v1", "v2", "v3")) {
      assertThat(read(file, version, NumberType.F32, 4)).containsExactly(2, 2.25);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"plain.npz", "packed.npz"})
  void fewerSamplesAreTakenAtEqualDistances(String name) throws IOException {
    DataOptions two = ALL.withSamples(2);
    try (ArraySamples arrays = npz(resource(name), two, input("u1", NumberType.I32, -1L))) {
      assertThat(arrays.size()).isEqualTo(2);
      assertThat(numbers(Objects.requireNonNull(arrays.read(new int[] {0, 1}).get("u1"))))
          .containsExactly(0, 1, 4, 5);
      assertThat(arrays.truth()).isEqualTo(new Truth.Labels(List.of(4, 3)));
    }
  }

  @Test
  void numbersThatTheModelsTypeHasNotAreRefused() throws IOException {
    Path file = resource("plain.npz");
    refused(Code.DTYPE, "no I64, which", () -> read(file, "f4", NumberType.I64, 0));
    refused(Code.DTYPE, "number 0 of sample 0", () -> read(file, "i8", NumberType.U8, 0));
    refused(Code.DTYPE, "no BOOL", () -> read(file, "u1", NumberType.BOOL, 3));
    assertThat(read(file, "i8", NumberType.U8, 3)).containsExactly(1, 2);
  }

  @ParameterizedTest
  @CsvSource({
    "fortran, UNSUPPORTED, ascontiguousarray",
    "big, DTYPE, >f4",
    "complex, DTYPE, <c8",
    "scalar, SHAPE, is scalar",
    "none, TENSOR_INFO, is not there",
    "labels, SHAPE, is 5;",
  })
  void arraysThatCannotBeUsedAreRefused(String name, Code code, String message) throws IOException {
    Path file = resource("plain.npz");
    refused(code, message, () -> read(file, name, NumberType.F32, 0));
  }

  @Test
  void anotherShapeThanTheModelsIsRefused() throws IOException {
    Path file = resource("plain.npz");
    refused(
        Code.SHAPE,
        "5x2; the model takes [any, 3]",
        () -> npz(file, ALL, input("f4", NumberType.F32, 3L)));
    refused(
        Code.SHAPE,
        "the model takes [any, 2, any]",
        () -> npz(file, ALL, input("f4", NumberType.F32, 2L, -1L)));
  }

  private Path zip(Map<String, byte[]> members) throws IOException {
    Path file = folder.resolve("made.npz");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(file))) {
      for (Map.Entry<String, byte[]> member : members.entrySet()) {
        out.putNextEntry(new ZipEntry(member.getKey()));
        out.write(member.getValue());
      }
    }
    return file;
  }

  private static byte[] npy(String header, int numbers) {
    byte[] text = header.getBytes(StandardCharsets.ISO_8859_1);
    return ByteBuffer.allocate(10 + text.length + numbers)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0})
        .putShort((short) text.length)
        .put(text)
        .array();
  }

  private void refusedHeader(Code code, String message, String header) throws IOException {
    Path file = zip(Map.of("x.npy", npy(header, 8)));
    refused(code, message, () -> npz(file, ALL, input("x", NumberType.F32, -1L)));
  }

  @Test
  void headersThatAreNoneAreRefused() throws IOException {
    String rest = "'fortran_order': False, 'shape': (1, 2), ";
    Path right = zip(Map.of("x.npy", npy("{" + rest + "'descr': '<f4'} \n", 8)));
    npz(right, ALL, input("x", NumberType.F32, 2L)).close();
    refusedHeader(Code.TENSOR_INFO, "not understood", "{'descr': '<f4'}");
    refusedHeader(Code.TENSOR_INFO, "not understood", "{" + rest + "'descr': [('a', '<f4')]}");
    refusedHeader(Code.TENSOR_INFO, "not understood", "{" + rest + "'descr': '<f4', 'x': True}");
    refusedHeader(Code.TENSOR_INFO, "not understood", "{" + rest + "'descr': '<f4'} {");
    refusedHeader(Code.TENSOR_INFO, "not understood", "");
    refusedHeader(Code.DUPLICATE_KEY, "twice in its header", "{" + rest + rest + "'descr': '<f4'}");
    refusedHeader(Code.DTYPE, "\"|O\"", "{" + rest + "'descr': '|O'}");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "(1, 3) | TENSOR_SIZE | 8 bytes of numbers",
        "(2305843009213693953, 2) | TENSOR_SIZE | 8 bytes of numbers",
        "(4294967296, 4294967296) | OVERFLOW | too many",
        "(9223372036854775808,) | SHAPE | that is none",
        "(1, , 2) | SHAPE | that is none",
        "(0, 2) | TENSOR_SIZE | 8 bytes of numbers",
      })
  void shapesThatTheNumbersDoNotFillAreRefused(String shape, Code code, String message)
      throws IOException {
    refusedHeader(
        code, message, "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }");
  }

  @Test
  void anArrayThatGrowsWhenItIsUnpackedIsRefusedBeforeItIsKept() throws IOException {
    int megabytes = 130;
    Path many = folder.resolve("many.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(many))) {
      zip.putNextEntry(new ZipEntry("x.npy"));
      zip.write(
          npy(
              "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 1048576), }"
                  .formatted(megabytes),
              0));
      for (int i = 0; i < megabytes; i++) {
        zip.write(new byte[1 << 20]);
      }
    }
    refused(
        Code.LIMIT,
        "use fewer samples, or numpy.savez",
        () -> npz(many, ALL, input("x", NumberType.F32, -1L)));
    assertThatCode(() -> npz(many, ALL.withSamples(2), input("x", NumberType.F32, -1L)).close())
        .doesNotThrowAnyException();
  }

  @Test
  void aPackedArrayWithAWrongChecksumIsRefused() throws IOException {
    Path file = resource("packed.npz");
    byte[] bytes = Files.readAllBytes(file);
    int directory = indexOf(bytes, new byte[] {'P', 'K', 1, 2});
    bytes[directory + 16] ^= 1;
    Files.write(file, bytes);
    refused(
        Code.UNSUPPORTED,
        "checksum is wrong",
        () -> npz(file, ALL, input("f8", NumberType.F32, 2L)));
  }

  private static int indexOf(byte[] bytes, byte[] what) {
    for (int i = 0; ; i++) {
      if (Arrays.equals(bytes, i, i + what.length, what, 0, what.length)) {
        return i;
      }
    }
  }

  @Test
  void aMemberThatIsThereTwiceIsRefused() throws IOException {
    Path file = zip(Map.of("aa.npy", npy("", 0), "ab.npy", npy("", 0)));
    byte[] bytes = Files.readAllBytes(file);
    for (int i = 0; i + 1 < bytes.length; i++) {
      if (bytes[i] == 'a' && bytes[i + 1] == 'b') {
        bytes[i + 1] = 'a';
      }
    }
    Files.write(file, bytes);
    refused(Code.DUPLICATE_KEY, "twice", () -> npz(file, ALL, input("aa", NumberType.F32)));
  }

  @Test
  void aFileThatIsNoZipOrIsEmptyIsRefused() throws IOException {
    Path file = folder.resolve("x.npz");
    for (byte[] bytes : List.of(new byte[0], new byte[21], new byte[100_000])) {
      Files.write(file, bytes);
      refused(Code.UNSUPPORTED, "is not a zip file", () -> npz(file, ALL));
    }
  }

  /** Whatever the bytes: refused with a code, or all samples can be read. */
  @ParameterizedTest
  @ValueSource(strings = {"plain.npz", "packed.npz", "wide.npz", "versions.npz"})
  void damagedFilesAreRefusedWithACodeOrRead(String name) throws IOException {
    byte[] whole = Files.readAllBytes(resource(name));
    Path file = folder.resolve("damaged.npz");
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 1000; i++) {
      byte[] bytes = damaged(whole, random);
      Files.write(file, bytes);
      String array = name.startsWith("v") ? "v3" : "i4";
      try (ArraySamples arrays = npz(file, ALL, input(array, NumberType.F32, -1L))) {
        for (int sample = 0; sample < Math.min(10, arrays.size()); sample++) {
          arrays.read(new int[] {sample});
        }
      } catch (CheckpointFormatException e) {
        assertThat(e.code()).isNotEqualTo(Code.FILE_CHANGED);
        refused++;
      }
    }
    assertThat(refused).isBetween(100, 995);
  }

  private static byte[] damaged(byte[] whole, Random random) {
    byte[] bytes =
        random.nextInt(4) == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
    for (int j = 0, count = 1 + random.nextInt(4); bytes.length > 0 && j < count; j++) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(3)) {
        case 0 -> bytes[at] = (byte) random.nextInt(256);
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        default -> {
          int to = Math.min(bytes.length, at + 1 + random.nextInt(8));
          Arrays.fill(bytes, at, to, (byte) -random.nextInt(2));
        }
      }
    }
    return bytes;
  }

  @Test
  void samplesOfSafetensorsAreReadWhereTheyLie() throws IOException {
    Path file = folder.resolve("x.safetensors");
    String header =
        "{\"x\":{\"dtype\":\"BF16\",\"shape\":[3,2],\"data_offsets\":[0,12]},"
            + "\"labels\":{\"dtype\":\"U8\",\"shape\":[3,1],\"data_offsets\":[12,15]}}";
    ByteBuffer bytes =
        ByteBuffer.allocate(8 + header.length() + 15)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(header.length())
            .put(header.getBytes(StandardCharsets.UTF_8));
    for (int i = 0; i < 6; i++) {
      bytes.putShort((short) (Float.floatToIntBits(i) >>> 16));
    }
    Files.write(file, bytes.put(new byte[] {7, 8, 9}).array());
    try (ArraySamples arrays =
        ArraySamples.of(
            SafetensorsArrays.open(file), List.of(input("x", NumberType.F32, 2L)), ALL)) {
      assertThat(numbers(Objects.requireNonNull(arrays.read(new int[] {2, 0}).get("x"))))
          .containsExactly(4, 5, 0, 1);
      assertThat(arrays.truth()).isEqualTo(new Truth.Labels(List.of(7, 8, 9)));
    }
    Path negative = negativeLabels(file);
    refused(
        Code.TENSOR_INFO,
        "of sample 0 is no class",
        () ->
            ArraySamples.of(
                SafetensorsArrays.open(negative), List.of(input("x", NumberType.F32, 2L)), ALL));
  }

  private static Path negativeLabels(Path file) throws IOException {
    String text = Files.readString(file, StandardCharsets.ISO_8859_1).replace("\"U8\"", "\"I8\"");
    return Files.writeString(file, text.replace('\7', (char) 0xFF), StandardCharsets.ISO_8859_1);
  }
}
