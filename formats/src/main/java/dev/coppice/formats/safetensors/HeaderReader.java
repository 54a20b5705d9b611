package dev.coppice.formats.safetensors;

import com.fasterxml.jackson.core.JsonToken;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads and checks the header of a safetensors file: eight bytes of length (little-endian), a JSON
 * object of that length, then the tensors' data without a gap.
 */
final class HeaderReader {
  /** The limit of the reference implementation. */
  static final long LARGEST_HEADER = 100_000_000;

  static final long LENGTH_BYTES = 8;
  private static final int HIGHEST_RANK = 64;

  /** The largest models that are published have some 150,000 tensors; each costs some 300 bytes. */
  static final int MOST_TENSORS = 300_000;

  static final int MOST_METADATA = 100_000;
  private static final int LONGEST_METADATA = 32 << 20;
  private static final int MOST_FIELDS = 64;

  static final String METADATA = "__metadata__";

  private final InputFile file;
  private final long dataStart;
  private final StrictJson json;
  private final Set<String> names = new HashSet<>();
  private final Set<String> fieldsSeen = new HashSet<>();
  private final List<StoredTensor> tensors = new ArrayList<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();
  private long metadataCharacters;

  private HeaderReader(InputFile file, long headerLength, StrictJson json) {
    this.file = file;
    this.dataStart = LENGTH_BYTES + headerLength;
    this.json = json;
  }

  /** Reads the header of {@code file}. */
  static Header read(InputFile file) throws IOException {
    Header header = read(file, LENGTH_BYTES, headerLength(file));
    long end = header.dataEnd();
    if (end != file.size()) {
      throw CheckpointFormatException.at(
          Code.FILE_SIZE,
          file.path(),
          Math.min(end, file.size()),
          "the tensors end at byte " + end + ", and the file at " + file.size());
    }
    return header;
  }

  /** Reads the text of a header that stands anywhere in a file; offsets are those of its own. */
  static Header read(InputFile file, long start, long length) throws IOException {
    try (StrictJson json = new StrictJson(file, start, length)) {
      HeaderReader reader = new HeaderReader(file, length, json);
      reader.readEntries();
      reader.tensors.sort(
          Comparator.comparingLong(StoredTensor::offset).thenComparingLong(StoredTensor::end));
      reader.checkLayout();
      return new Header(reader.tensors, reader.metadata, reader.dataStart);
    }
  }

  private static long headerLength(InputFile file) throws IOException {
    if (file.size() < LENGTH_BYTES) {
      throw CheckpointFormatException.at(
          Code.HEADER_TOO_SMALL,
          file.path(),
          0,
          "has " + file.size() + " bytes, and the header's length alone takes 8");
    }
    ByteBuffer bytes = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
    file.read(0, bytes);
    long length = bytes.getLong(0);
    if (Long.compareUnsigned(length, LARGEST_HEADER) > 0) {
      String hint =
          new String(bytes.array(), StandardCharsets.ISO_8859_1).equals("version ")
              ? "; it looks like a git-lfs pointer: fetch the real file with `git lfs pull`"
              : "";
      throw CheckpointFormatException.at(
          Code.HEADER_TOO_LARGE,
          file.path(),
          0,
          "a header of "
              + Long.toUnsignedString(length)
              + " bytes; the format allows "
              + LARGEST_HEADER
              + hint);
    }
    if (length > file.size() - LENGTH_BYTES) {
      throw CheckpointFormatException.at(
          Code.HEADER_LENGTH,
          file.path(),
          0,
          "a header of " + length + " bytes in a file of " + file.size());
    }
    return length;
  }

  private void readEntries() throws IOException {
    while (json.nextName()) {
      String name = json.text();
      if (!names.add(name)) {
        throw json.refused(Code.DUPLICATE_KEY, name, "stands twice in the header");
      }
      if (names.size() > MOST_TENSORS) {
        throw json.refused(Code.LIMIT, "more than " + MOST_TENSORS + " tensors");
      }
      json.next();
      if (name.equals(METADATA)) {
        readMetadata();
      } else {
        readTensor(name);
      }
    }
    json.expectEnd();
  }

  private void readMetadata() throws IOException {
    if (json.is(JsonToken.VALUE_NULL)) {
      return;
    }
    if (!json.is(JsonToken.START_OBJECT)) {
      throw json.refused(Code.METADATA, "the metadata are not a map of strings");
    }
    while (json.nextName()) {
      String key = json.text();
      if (metadata.containsKey(key)) {
        throw json.refused(Code.DUPLICATE_KEY, "the metadata have \"" + key + "\" twice");
      }
      if (metadata.size() == MOST_METADATA) {
        throw json.refused(Code.LIMIT, "more than " + MOST_METADATA + " metadata");
      }
      if (json.next() != JsonToken.VALUE_STRING) {
        throw json.refused(Code.METADATA, "the metadata are not a map of strings");
      }
      String value = json.text();
      metadataCharacters += key.length() + value.length();
      if (metadataCharacters > LONGEST_METADATA) {
        throw json.refused(
            Code.LIMIT, "metadata of more than " + LONGEST_METADATA + " characters in all");
      }
      metadata.put(key, value);
    }
  }

  private void readTensor(String name) throws IOException {
    if (!json.is(JsonToken.START_OBJECT)) {
      throw json.refused(Code.TENSOR_INFO, name, "is not described by an object");
    }
    long at = json.offset();
    TensorFields fields = new TensorFields(json, name);
    fieldsSeen.clear();
    while (json.nextName()) {
      String field = json.text();
      if (!fieldsSeen.add(field)) {
        throw json.refused(Code.DUPLICATE_KEY, name, "has the field \"" + field + "\" twice");
      }
      if (fieldsSeen.size() > MOST_FIELDS) {
        throw json.refused(Code.LIMIT, name, "has more than " + MOST_FIELDS + " fields");
      }
      json.next();
      switch (field) {
        case "dtype" -> fields.readType();
        case "shape" -> fields.readShape(HIGHEST_RANK);
        case "data_offsets" -> fields.readOffsets();
        default -> json.skip();
      }
    }
    tensors.add(fields.finish(file, at, dataStart));
  }

  /** Checks that the data, in order, are one stretch that begins where the header ends. */
  private void checkLayout() {
    long expected = dataStart;
    for (StoredTensor tensor : tensors) {
      if (tensor.offset() != expected) {
        throw CheckpointFormatException.in(
            Code.OFFSETS,
            file.path(),
            tensor.tensor().name(),
            tensor.offset(),
            "begins at "
                + (tensor.offset() - dataStart)
                + " of the data, and what stands before it ends at "
                + (expected - dataStart));
      }
      expected = tensor.end();
    }
  }
}
