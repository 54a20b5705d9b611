package dev.coppice.formats.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Headers of up to 100 MB; the tests of this module run in a heap of 256 MB. */
class LargeHeaderTest {
  private static final int LARGEST = 100_000_000;
  private static final String SPACES = " ".repeat(1000);
  private static final String NUMBERS = "1234567,".repeat(100);
  private static final int ENOUGH = 36_000_000;

  @TempDir Path folder;

  @Test
  void tenMillionMetadataAreRefused() throws IOException {
    Path file = fill("{\"__metadata__\":{", i -> "\"" + Long.toString(i, 36) + "\":\"\",");
    assertRefused(Code.LIMIT, file);
  }

  @Test
  void aMillionTensorsAreRefused() throws IOException {
    Path file =
        fill(
            "{",
            i ->
                "\""
                    + Long.toString(i, 36)
                    + "\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":["
                    + i
                    + ","
                    + (i + 1)
                    + "]},");
    assertRefused(Code.LIMIT, file);
  }

  @Test
  void tenMillionFieldsOfATensorAreRefused() throws IOException {
    assertRefused(Code.LIMIT, fill("{\"a\":{", i -> "\"" + Long.toString(i, 36) + "\":1,"));
  }

  @Test
  void tenMillionDimensionsAreRefused() throws IOException {
    assertRefused(Code.SHAPE, fill("{\"a\":{\"shape\":[", i -> "1,"));
  }

  @Test
  void anEndlessNameIsRefused() throws IOException {
    assertRefused(Code.LIMIT, fill("{\"", i -> "name"));
  }

  @Test
  void anEndlessStringIsRefused() throws IOException {
    assertRefused(Code.LIMIT, fill("{\"__metadata__\":{\"a\":\"", i -> "text"));
  }

  @Test
  void anEndlessNumberIsRefused() throws IOException {
    assertRefused(Code.LIMIT, fill("{\"a\":{\"shape\":[1", i -> "0000"));
  }

  @Test
  void manyLongNamesAreRefusedBeforeTheyFillTheHeap() throws IOException {
    String tensor = "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"";
    String name = "n".repeat(65_000);
    assertRefused(Code.LIMIT, fill("{\"", i -> i + name + tensor, LARGEST));
  }

  @Test
  void millionsOfUnknownFieldsAreRefusedBeforeTheyFillTheHeap() throws IOException {
    assertRefused(Code.LIMIT, fill("{\"a\":{\"x\":{\"\":0", i -> ",\"" + i + "\":0", LARGEST));
  }

  @Test
  void tenMillionUnknownValuesArePassedOver() throws IOException {
    assertRefused(Code.HEADER_JSON, fill("{\"a\":{\"x\":[", i -> NUMBERS, LARGEST));
  }

  @Test
  void aHeaderOfNothingButSpaceIsRead() throws IOException {
    Path file = fill("{}", i -> SPACES, LARGEST);
    try (Checkpoint checkpoint = new SafetensorsFormat().open(file)) {
      assertThat(checkpoint.tensors()).isEmpty();
    }
  }

  @Test
  void asManyTensorsAsAreAllowedFit() throws IOException {
    int count = HeaderReader.MOST_TENSORS;
    StringBuilder header = new StringBuilder("{");
    Path file = folder.resolve("many.safetensors");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      out.write(new byte[8]);
      for (int i = 0; i < count; i++) {
        header.append(
            SafetensorsFiles.tensor(
                "model.layers." + i + ".mlp.experts.up_proj.weight",
                "BF16",
                new long[] {1, 1},
                2L * i,
                2L * i + 2));
        header.append(i + 1 < count ? "," : "}");
        out.write(header.toString().getBytes(StandardCharsets.UTF_8));
        header.setLength(0);
      }
    }
    long length = Files.size(file) - 8;
    try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
      access.write(SafetensorsFiles.length(length));
      access.setLength(8 + length + 2L * count);
    }
    try (Checkpoint checkpoint = new SafetensorsFormat().open(file)) {
      assertThat(checkpoint.tensors()).hasSize(count);
    }
  }

  /** Writes a header of which no more than the first part is there to be read. */
  private Path fill(String start, LongFunction<String> next) throws IOException {
    return fill(start, next, ENOUGH);
  }

  private Path fill(String start, LongFunction<String> next, int written) throws IOException {
    Path file = folder.resolve("large.safetensors");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), 1 << 20)) {
      out.write(SafetensorsFiles.length(LARGEST));
      byte[] bytes = start.getBytes(StandardCharsets.UTF_8);
      int left = written;
      for (long i = 0; left > 0; i++) {
        int size = Math.min(left, bytes.length);
        out.write(bytes, 0, size);
        left -= size;
        bytes = next.apply(i).getBytes(StandardCharsets.UTF_8);
      }
    }
    try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
      access.setLength(8 + LARGEST);
    }
    return file;
  }

  private static void assertRefused(Code code, Path file) {
    assertThatThrownBy(() -> new SafetensorsFormat().open(file))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(code))
        .message()
        .hasSizeLessThan(1000);
  }
}
