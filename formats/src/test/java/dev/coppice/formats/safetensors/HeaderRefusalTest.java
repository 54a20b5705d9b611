package dev.coppice.formats.safetensors;

import static dev.coppice.formats.safetensors.SafetensorsFiles.data;
import static dev.coppice.formats.safetensors.SafetensorsFiles.file;
import static dev.coppice.formats.safetensors.SafetensorsFiles.length;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** One test for each case of a file that must be refused. */
class HeaderRefusalTest {
  @TempDir Path folder;
  private final List<DynamicTest> tests = new ArrayList<>();

  @TestFactory
  List<DynamicTest> lengths() {
    refused("0 bytes", Code.HEADER_TOO_SMALL, new byte[0]);
    refused("7 bytes", Code.HEADER_TOO_SMALL, new byte[7]);
    for (long length : new long[] {100_000_001, Long.MIN_VALUE, -1}) {
      refused("length " + length, Code.HEADER_TOO_LARGE, length(length));
    }
    refused(
        "header longer than the file",
        Code.HEADER_LENGTH,
        new byte[] {3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D});
    refused("length and nothing else", Code.HEADER_LENGTH, length(2));
    refused(
        "git-lfs pointer",
        Code.HEADER_TOO_LARGE,
        "version https://git-lfs.github.com/spec/v1\n".getBytes(StandardCharsets.UTF_8));
    return tests;
  }

  @TestFactory
  List<DynamicTest> text() {
    byte[][] notUtf8 = {
      {(byte) 0xC0, (byte) 0x80}, // overlong NUL
      {(byte) 0xE0, (byte) 0x80, (byte) 0x80}, // overlong
      {(byte) 0xED, (byte) 0xA0, (byte) 0x80}, // surrogate
      {(byte) 0xF4, (byte) 0x90, (byte) 0x80, (byte) 0x80}, // above U+10FFFF
      {(byte) 0xF0, (byte) 0x80, (byte) 0x80, (byte) 0x80}, // overlong
      {(byte) 0x80}, // continuation alone
      {(byte) 0xFF},
      {(byte) 0xE2, (byte) 0x82}, // cut short by the quote
    };
    for (byte[] bytes : notUtf8) {
      String name = new String(bytes, StandardCharsets.ISO_8859_1);
      byte[] header = ("{\"" + name + "\":1}").getBytes(StandardCharsets.ISO_8859_1);
      refused("not UTF-8: " + name, Code.HEADER_UTF8, file(header, new byte[0]));
    }
    refused("UTF-16", Code.HEADER_UTF8, file("{}".getBytes(StandardCharsets.UTF_16), data(0)));
    byte[] cut = {'{', '}', ' ', (byte) 0xE2, (byte) 0x82};
    refused("ends within a character", Code.HEADER_UTF8, file(cut, new byte[0]));
    String one = tensor("a", "\"F32\"", "[1]", "[0,4]");
    String[] notJson = {
      "",
      "   ",
      "\uFEFF{}",
      "[]",
      "null",
      "\"text\"",
      "17",
      "{}x",
      "{}\0",
      "{}{}",
      "{}[]",
      "{",
      "{\"a\"",
      "/* comment */{}",
      "{}// comment",
      "{" + one + ",}",
      "{,}",
      "{" + one + "," + tensor("b", "NaN", "[]", "[4,8]") + "}",
      "{" + tensor("a", "\"F32\"", "[01]", "[0,4]") + "}",
      "{" + tensor("a", "\"F32\"", "[+1]", "[0,4]") + "}",
      "{" + tensor("a", "\"F32\"", "[0x1]", "[0,4]") + "}",
      "{" + tensor("a\n", "\"F32\"", "[1]", "[0,4]") + "}",
      "{" + tensor("a\t", "\"F32\"", "[1]", "[0,4]") + "}",
      "{" + tensor("a\0", "\"F32\"", "[1]", "[0,4]") + "}",
      "{" + tensor("\\ud800", "\"F32\"", "[1]", "[0,4]") + "}",
      "{" + tensor("\\udc00x", "\"F32\"", "[1]", "[0,4]") + "}",
      "{\"__metadata__\":{\"a\":\"\\udc00\\ud800\"}}",
      "{\"__metadata__\":{\"\\ud800\":\"a\"}}",
      "{" + tensor("a", "\"F32\"", "[1]", "[0,4],\"x\":[\"\\ud800\"]") + "}",
      "{'a':1}",
      "{a:1}",
      "{\"\\x\":1}",
      "{\0\"a\0\":1}",
    };
    for (String header : notJson) {
      refused("not JSON: " + header, Code.HEADER_JSON, file(header, 4));
    }
    return tests;
  }

  @TestFactory
  List<DynamicTest> nesting() {
    int levels = 100_000;
    String[] starts = {"", "{\"a\":", "{\"__metadata__\":", "{\"a\":{\"x\":"};
    for (String start : starts) {
      refused("lists in " + start, Code.JSON_DEPTH, file(start + "[".repeat(levels), 0));
      refused("objects in " + start, Code.JSON_DEPTH, file(start + "{\"a\":".repeat(levels), 0));
    }
    return tests;
  }

  @TestFactory
  List<DynamicTest> duplicates() {
    String one = tensor("a", "\"F32\"", "[1]", "[0,4]");
    String two = tensor("\\u0061", "\"F32\"", "[1]", "[4,8]");
    refused("tensor", Code.DUPLICATE_KEY, file("{" + one + "," + two + "}", 8), "\"a\"");
    for (String field : new String[] {"\"dtype\":\"F32\"", "\"shape\":[1]", "\"x\":1,\"x\":2"}) {
      String again = one.substring(0, one.length() - 1) + "," + field + "}";
      refused("field " + field, Code.DUPLICATE_KEY, file("{" + again + "}", 4), "\"a\"");
    }
    String metadata = "\"__metadata__\":{}";
    refused("metadata", Code.DUPLICATE_KEY, file("{" + metadata + "," + metadata + "}", 0));
    refused(
        "metadata key",
        Code.DUPLICATE_KEY,
        file("{\"__metadata__\":{\"k\":\"1\",\"k\":\"1\"}}", 0),
        "\"k\"");
    return tests;
  }

  @TestFactory
  List<DynamicTest> fields() {
    for (String value : new String[] {"1", "[]", "\"x\"", "{\"a\":1}", "{\"a\":null}", "true"}) {
      refused("metadata " + value, Code.METADATA, file("{\"__metadata__\":" + value + "}", 0));
    }
    for (String type : new String[] {"\"F33\"", "\"f32\"", "32", "null", "[]", "\"\""}) {
      refusedTensor("dtype " + type, Code.DTYPE, type, "[1]", "[0,4]", 4);
    }
    for (String info : new String[] {"null", "[]", "1", "\"F32\"", "{}"}) {
      refused("tensor " + info, Code.TENSOR_INFO, file("{\"a\":" + info + "}", 0), "\"a\"");
    }
    String[] incomplete = {
      "\"shape\":[1],\"data_offsets\":[0,4]",
      "\"dtype\":\"F32\",\"data_offsets\":[0,4]",
      "\"dtype\":\"F32\",\"shape\":[1]",
    };
    for (String info : incomplete) {
      refused("only " + info, Code.TENSOR_INFO, file("{\"a\":{" + info + "}}", 4), "\"a\"");
    }
    return tests;
  }

  @TestFactory
  List<DynamicTest> shapes() {
    String[] bad = {
      "-1",
      "1.5",
      "-0",
      "1e0",
      "1.0",
      "\"1\"",
      "9223372036854775808",
      "1" + "0".repeat(2000),
      "null",
      "[1]",
      "true",
    };
    for (String dimension : bad) {
      refusedTensor(
          "dimension " + dimension, Code.SHAPE, "\"F32\"", "[" + dimension + "]", "[0,4]", 4);
    }
    refusedTensor("shape 1", Code.SHAPE, "\"F32\"", "1", "[0,4]", 4);
    String ones = "1,".repeat(64) + "1";
    refusedTensor("rank 65", Code.SHAPE, "\"F32\"", "[" + ones + "]", "[0,4]", 4);
    String[] large = {
      "[4294967296,4294967296]",
      "[4294967296,4294967296,0]",
      "[4611686018427387904]",
      "[9223372036854775807]",
    };
    for (String shape : large) {
      refusedTensor("shape " + shape, Code.OVERFLOW, "\"F32\"", shape, "[0,4]", 4);
    }
    return tests;
  }

  @TestFactory
  List<DynamicTest> places() {
    String[] bad = {
      "[]",
      "[0]",
      "[0,4,8]",
      "[-1,3]",
      "[0,-4]",
      "[0.0,4]",
      "[0,4.5]",
      "[-0,4]",
      "[0,4e0]",
      "[4,0]",
      "[\"0\",4]",
      "0",
      "null",
      "{}",
      "[0,9223372036854775808]",
      "[[0],[4]]",
    };
    for (String offsets : bad) {
      refusedTensor("offsets " + offsets, Code.OFFSETS, "\"F32\"", "[1]", offsets, 4);
    }
    refusedTensor("first not 0", Code.OFFSETS, "\"F32\"", "[1]", "[4,8]", 8);
    refusedPair("overlapping", "[2]", "[0,8]", "[1]", "[4,8]");
    refusedPair("the same", "[1]", "[0,4]", "[1]", "[0,4]");
    refusedPair("a hole", "[1]", "[0,4]", "[1]", "[8,12]");
    refusedPair("zero-size inside another", "[2]", "[0,8]", "[0]", "[4,4]");
    refusedPair("zero-size after the end", "[2]", "[0,8]", "[0]", "[12,12]");
    refusedTensor(
        "far away", Code.OFFSETS, "\"U8\"", "[1]", "[9223372036854775806,9223372036854775807]", 1);
    for (String offsets : new String[] {"[0,3]", "[0,5]", "[0,0]", "[0,8]"}) {
      refusedTensor("size " + offsets, Code.TENSOR_SIZE, "\"F32\"", "[1]", offsets, 8);
    }
    refusedTensor("half a byte", Code.TENSOR_SIZE, "\"F4\"", "[3]", "[0,2]", 2);
    refusedTensor("3 quarters", Code.TENSOR_SIZE, "\"F6_E2M3\"", "[2]", "[0,2]", 2);
    refusedTensor("data cut short", Code.FILE_SIZE, "\"F32\"", "[1]", "[0,4]", 3);
    refusedTensor("bytes after", Code.FILE_SIZE, "\"F32\"", "[1]", "[0,4]", 5);
    refused("data without tensors", Code.FILE_SIZE, file("{}", 1));
    return tests;
  }

  private static String tensor(String name, String type, String shape, String offsets) {
    return "\"%s\":{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}"
        .formatted(name, type, shape, offsets);
  }

  private void refusedPair(String what, String shape1, String at1, String shape2, String at2) {
    String first = tensor("a", "\"F32\"", shape1, at1);
    String second = tensor("b", "\"F32\"", shape2, at2);
    refused(what, Code.OFFSETS, file("{" + first + "," + second + "}", 12), "\"b\"");
    refused(what + ", swapped", Code.OFFSETS, file("{" + second + "," + first + "}", 12));
  }

  private void refusedTensor(
      String what, Code code, String type, String shape, String offsets, int data) {
    String header = "{" + tensor("layer.weight", type, shape, offsets) + "}";
    String word = code == Code.FILE_SIZE ? "offset" : "\"layer.weight\"";
    refused(what, code, file(header, data), word);
  }

  private void refused(String what, Code code, byte[] bytes, String... words) {
    String name = what.length() > 60 ? what.substring(0, 60) : what;
    tests.add(dynamicTest(code + ": " + name, () -> assertRefused(code, bytes, words)));
  }

  private void assertRefused(Code code, byte[] bytes, String... words) throws IOException {
    Path file = Files.write(folder.resolve("bad.safetensors"), bytes);
    assertThatThrownBy(() -> new SafetensorsFormat().open(file))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining("bad.safetensors")
        .hasMessageContaining(code + ", ")
        .hasMessageContaining("offset ")
        .satisfies(e -> assertThat(words).allMatch(String.valueOf(e.getMessage())::contains))
        .message()
        .hasSizeLessThan(1000)
        .doesNotContain("\n", "\0");
  }
}
