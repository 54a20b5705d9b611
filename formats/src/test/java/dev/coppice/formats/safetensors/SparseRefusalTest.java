package dev.coppice.formats.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.DType;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Files whose compressed tensors are not what they say. */
class SparseRefusalTest {
  private static final String KEY = "coppice.sparse:w";

  @TempDir Path folder;
  private final List<DynamicTest> tests = new ArrayList<>();

  /** A layer of BF16 [20, 64] whose rows all have the first 16 and the last two columns. */
  private static SparseFiles layer(Format format) {
    LinearWeights held =
        LinearWeights.compress(
            format,
            LayerCase.fill(
                LayerCase.empty(DType.BF16, 20, 64),
                i -> (format == Format.TWO_FOUR ? i % 4 < 2 : i % 64 < 16 || i % 64 > 61) ? 1 : 0));
    return new SparseFiles().metadata("format", "pt").add("w", held);
  }

  private void refused(String name, Format format, String message, Consumer<SparseFiles> damage) {
    tests.add(
        dynamicTest(
            name,
            () -> {
              SparseFiles files = layer(format);
              damage.accept(files);
              assertRefused(files.bytes(), "tensor \"w\"", message);
            }));
  }

  private void assertRefused(byte[] bytes, String... words) throws IOException {
    Path file = SafetensorsFiles.write(folder, "bad.safetensors", bytes);
    Path out = folder.resolve("out.safetensors");
    assertThatThrownBy(() -> SparseFiles.decompress(file, out))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class,
            e -> {
              assertThat(e.code()).isEqualTo(Code.SPARSE);
              assertThat(e.file()).isEqualTo(file);
            })
        .hasMessageContainingAll(words)
        .message()
        .hasLineCount(1);
    assertThat(out).doesNotExist();
  }

  @TestFactory
  List<DynamicTest> metadata() {
    String hint = "a format, a type and a shape";
    for (String value :
        new String[] {
          "",
          "bitmap",
          "dense BF16 20x64",
          "zip BF16 20x64",
          "bitmap F64 20x64",
          "bitmap BF16 20",
          "bitmap BF16 20x64x",
          "bitmap BF16 -20x64",
          "bitmap BF16 20 x 64",
          "bitmap BF16 20x64 ",
          "bitmap BF16 99999999999999999999x64",
          "bitmap BF16 2" + "x2".repeat(64),
          "Bitmap BF16 20x64"
        }) {
      refused("\"" + value + "\"", Format.BITMAP, hint, f -> f.metadata(KEY, value));
    }
    String[][] shapes = {
      {"bitmap BF16 0x64", "is not compressed"},
      {"bitmap BF16 20x0x3", "is not compressed"},
      {"bitmap BF16 9223372036854775808x2", "its shape is too large for any file"},
      {"bitmap BF16 4294967296x4294967296", "its shape is too large for any file"},
      {"bitmap BF16 4611686018427387904x1", "2 GiB or more"},
      {"csr BF16 128x8388608", "2 GiB or more"},
      {"bitmap BF16 1x9223372036854775807", "rows of more than 16 MiB"},
      {"bitmap BF16 64x64", "its bits must be U8 [64, 16], not U8 20x16"},
      {"bitmap BF16 20x200", "its bits must be U8 [20, 32], not U8 20x16"},
      {"bitmap F32 20x64", "its values must be F32 [*], not BF16"},
      {"csr BF16 20x64", "its offsets must be I32 [21], not I64 21"},
      {"2:4 BF16 20x64", "its values must be BF16 [32, 32], not BF16 480"},
      {"2:4 BF16 20x62", "a multiple of 4"},
    };
    for (String[] shape : shapes) {
      refused(shape[0], Format.BITMAP, shape[1], f -> f.metadata(KEY, shape[0]));
    }
    return tests;
  }

  @TestFactory
  List<DynamicTest> parts() {
    for (Format format : new Format[] {Format.BITMAP, Format.TWO_FOUR, Format.CSR}) {
      for (String part : layer(format).tensors.keySet()) {
        String name = part.substring(2);
        refused(
            part + " missing", format, "its " + name + " are missing", f -> f.tensors.remove(part));
        refused(
            part + " of another type",
            format,
            "its " + name + " must be ",
            f -> f.tensors.put(part, new SparseFiles.Entry("C64", "[2]", zeros(16))));
        refused(
            part + " too large",
            format,
            "its " + name + " must be ",
            f -> {
              String type = f.get(part).type();
              f.tensors.put(part, new SparseFiles.Entry(type, "[4096]", zeros(4096 * size(type))));
            });
      }
    }
    refused(
        "stored twice",
        Format.CSR,
        "is stored compressed and as it is",
        f -> f.add("w", "U8", "[1]", new byte[1]));
    refused(
        "fewer values than columns",
        Format.CSR,
        "must be 720 bytes, not 4",
        f -> f.tensors.put("w.values", new SparseFiles.Entry("BF16", "[2]", zeros(4))));
    refused(
        "fewer values than bits",
        Format.BITMAP,
        "must be 960 bytes, not 16",
        f -> f.tensors.put("w.values", new SparseFiles.Entry("BF16", "[8]", zeros(16))));
    return tests;
  }

  private static ByteBuffer zeros(int bytes) {
    return ByteBuffer.allocate(bytes);
  }

  private static int size(String type) {
    return ElementType.valueOf(type).bits() / 8;
  }

  private void refused(Format format, String part, String message, Consumer<ByteBuffer> damage) {
    refused(
        format + " " + part + ": " + message,
        format,
        message,
        f -> {
          ByteBuffer data = f.get("w." + part).data();
          damage.accept(data.order(ByteOrder.LITTLE_ENDIAN));
        });
  }

  @TestFactory
  List<DynamicTest> contents() {
    refused(
        Format.BITMAP, "bits", "has bits beyond its 64 columns", b -> b.put(16 * 3 + 8, (byte) 1));
    refused(
        Format.BITMAP, "bits", "row 2 must begin at element 88, not 48", b -> b.putLong(16, -1));
    refused(Format.BITMAP, "offsets", "row 0 must begin at element 0", b -> b.putLong(0, 8));
    refused(Format.BITMAP, "offsets", "row 5 must begin at element 120", b -> b.putLong(40, -1));
    refused(
        Format.BITMAP,
        "offsets",
        "row 20 must begin at element 480, not 9223372036854775807",
        b -> b.putLong(160, Long.MAX_VALUE));
    refused(
        Format.BITMAP,
        "values",
        "row 19 has a value other than zero at element 479",
        b -> b.put(b.capacity() - 1, (byte) 1));
    refused(Format.CSR, "offsets", "begin at element 0, not 1", b -> b.putInt(0, 1));
    refused(Format.CSR, "offsets", "must end between elements", b -> b.putInt(40, 10));
    refused(Format.CSR, "offsets", "must end between elements", b -> b.putInt(40, 100_000));
    refused(Format.CSR, "offsets", "must end between elements", b -> b.putInt(80, -1));
    refused(Format.CSR, "offsets", "must end at element 360, not 359", b -> b.putInt(80, 359));
    refused(Format.CSR, "columns", "column 0 after column 0", b -> b.putInt(4, 0));
    refused(Format.CSR, "columns", "column 64 after column 62", b -> b.putInt(4 * 17, 64));
    refused(Format.CSR, "columns", "column -1 after", b -> b.putInt(0, -1));
    refused(Format.TWO_FOUR, "positions", "must be further on", b -> b.put(9, (byte) 0x41));
    refused(Format.TWO_FOUR, "positions", "must be further on", b -> b.put(200, (byte) 0));
    refused(Format.TWO_FOUR, "values", "beyond [20, 64]", b -> b.put(b.capacity() - 1, (byte) 1));
    return tests;
  }

  @Test
  void hugePartsAreRefusedBeforeTheyAreRead() throws IOException {
    SparseFiles files = layer(Format.CSR).metadata(KEY, "csr BF16 128x8388600");
    files.tensors.put("w.offsets", new SparseFiles.Entry("I32", "[129]", zeros(516)));
    files.tensors.remove("w.columns");
    byte[] bytes = files.bytes();
    // Columns at the end, of 2 GiB and more that the file has as a hole.
    long end = bytes.length - 8 - ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    long count = 1L << 29;
    String header = new String(bytes, 8, (int) (bytes.length - 8 - end), StandardCharsets.UTF_8);
    String entry =
        SafetensorsFiles.tensor("w.columns", "I32", new long[] {count}, end, end + 4 * count);
    byte[] longer =
        header.strip().replaceFirst("}$", "," + entry + "}").getBytes(StandardCharsets.UTF_8);
    byte[] data = Arrays.copyOfRange(bytes, (int) (bytes.length - end), bytes.length);
    Path file = SafetensorsFiles.write(folder, "huge", SafetensorsFiles.file(longer, data));
    try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
      access.setLength(8 + longer.length + end + 4 * count);
    }
    try (CompressedCheckpoint model = CompressedCheckpoint.open(file)) {
      assertThatThrownBy(() -> model.weights("w"))
          .isInstanceOf(CheckpointFormatException.class)
          .hasMessageContainingAll("SPARSE", "\"w\"", "must be less than 2 GiB");
    }
    Path small =
        layer(Format.CSR).add("w.columns", "I32", "[2000]", new byte[8000]).write(folder, "small");
    assertThatThrownBy(() -> CompressedCheckpoint.open(small))
        .hasMessageContaining("its columns must be I32 [*], not I32 2000");
  }

  @Test
  void aKeptHeaderThatIsOfAnotherModelIsRefused() throws IOException {
    String good = SafetensorsFiles.tensor("w", "BF16", new long[] {20, 64}, 0, 2560);
    assertThat(
            SparseFiles.decompress(withHeader("{" + good + "}"), folder.resolve("ok.safetensors")))
        .isEqualTo(8 + good.length() + 2 + 2560);
    String other = SafetensorsFiles.tensor("v", "BF16", new long[] {20, 64}, 0, 2560);
    String turned = SafetensorsFiles.tensor("w", "BF16", new long[] {64, 20}, 0, 2560);
    String type = SafetensorsFiles.tensor("w", "F16", new long[] {20, 64}, 0, 2560);
    for (String header :
        new String[] {other, turned, type, good + "," + other.replace("0,2560", "2560,5120"), ""}) {
      assertThatThrownBy(() -> CompressedCheckpoint.open(withHeader("{" + header + "}")))
          .isInstanceOfSatisfying(
              CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(Code.SPARSE))
          .hasMessageContaining("header");
    }
    assertThatThrownBy(
            () -> withHeaderOpened("{\"__metadata__\":{\"coppice.sparse:x\":\"\"}," + good + "}"))
        .hasMessageContaining("compressed already");
    assertThatThrownBy(() -> withHeaderOpened("[]"))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(Code.HEADER_JSON));
    assertThatThrownBy(() -> withHeaderOpened("{" + good.replace("[0,", "[1,") + "}"))
        .isInstanceOf(CheckpointFormatException.class);
    SparseFiles wide = layer(Format.CSR).add("coppice.header", "U8", "[1, 2]", new byte[2]);
    assertThatThrownBy(() -> CompressedCheckpoint.open(wide.write(folder, "wide")))
        .hasMessageContaining("must be U8 [*]");
  }

  private Path withHeader(String header) throws IOException {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    return layer(Format.CSR)
        .add("coppice.header", "U8", "[" + text.length + "]", text)
        .write(folder, "kept.safetensors");
  }

  private void withHeaderOpened(String header) throws IOException {
    CompressedCheckpoint.open(withHeader(header)).close();
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "DENSE")
  void whateverIsDamagedIsRefusedWithACodeOrReadToItsEnd(Format format) throws IOException {
    Random random = new Random(11);
    byte[] good = layer(format).bytes();
    int header = 8 + (int) ByteBuffer.wrap(good).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    Path file = folder.resolve("mutant.safetensors");
    int refused = 0;
    for (int i = 0; i < 1500; i++) {
      byte[] bytes = good.clone();
      for (int times = 1 + random.nextInt(3); times > 0; times--) {
        mutate(bytes, random, random.nextInt(3) == 0 ? 0 : header, header);
      }
      SafetensorsFiles.write(folder, "mutant.safetensors", bytes);
      try (CompressedCheckpoint model = CompressedCheckpoint.open(file)) {
        for (CheckpointTensor tensor : model.tensors()) {
          ByteBuffer all = ByteBuffer.allocate((int) tensor.shape().elements() * 2);
          model.read(tensor, 0, all);
          model.weights(tensor.name()).decompress();
        }
      } catch (CheckpointFormatException e) {
        assertThat(e.code()).isNotEqualTo(Code.FILE_CHANGED);
        assertThat(e).hasMessageMatching("\\P{Cntrl}{10,5000}");
        refused++;
      }
    }
    assertThat(refused).isBetween(300, 1499);
  }

  /** Changes a byte of the data, or puts a digit or a letter of the header in place of another. */
  private static void mutate(byte[] bytes, Random random, int from, int header) {
    if (from > 0) {
      bytes[from + random.nextInt(bytes.length - from)] ^= (byte) (1 << random.nextInt(8));
      return;
    }
    int at = 8 + random.nextInt(header - 8);
    for (int i = 0; i < 200 && !Character.isDigit(bytes[at]); i++) {
      at = 8 + random.nextInt(header - 8);
    }
    bytes[at] =
        (byte) (random.nextInt(8) == 0 ? 'a' + random.nextInt(26) : '0' + random.nextInt(10));
  }
}
