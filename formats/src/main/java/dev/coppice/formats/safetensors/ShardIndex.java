package dev.coppice.formats.safetensors;

import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.OutputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;

/** The JSON file that says which shard each tensor of a model is in. */
final class ShardIndex {
  private static final long LARGEST = 100_000_000;
  private static final String WEIGHT_MAP = "weight_map";
  private static final int BUFFER = 1 << 16;

  private final InputFile file;
  private final Map<String, String> shardOf = new HashMap<>();

  private ShardIndex(InputFile file) {
    this.file = file;
  }

  static ShardIndex read(InputFile file) throws IOException {
    ShardIndex index = new ShardIndex(file);
    index.forEachShardName(index::add);
    return index;
  }

  /** Takes one entry of the map: its string stands at {@code begin} to {@code end} of the file. */
  private interface Entry {
    void take(StrictJson json, String tensor, String shard, long begin, long end)
        throws IOException;
  }

  private void add(StrictJson json, String tensor, String shard, long begin, long end) {
    if (shardOf.put(tensor, shard) != null) {
      throw json.refused(Code.DUPLICATE_KEY, tensor, "stands twice in the index");
    }
    if (shardOf.size() > HeaderReader.MOST_TENSORS) {
      throw json.refused(Code.LIMIT, "more than " + HeaderReader.MOST_TENSORS + " tensors");
    }
  }

  private void forEachShardName(Entry entry) throws IOException {
    if (file.size() > LARGEST) {
      throw CheckpointFormatException.of(
          Code.LIMIT, file.path(), "an index of more than " + LARGEST + " bytes");
    }
    try (StrictJson json = new StrictJson(file, 0, file.size())) {
      Set<String> fields = new HashSet<>();
      while (json.nextName()) {
        String field = json.text();
        if (!fields.add(field)) {
          throw json.refused(Code.DUPLICATE_KEY, "the index has \"" + field + "\" twice");
        }
        json.next();
        if (field.equals(WEIGHT_MAP)) {
          forEachEntry(json, entry);
        } else {
          json.skip();
        }
      }
      json.expectEnd();
      if (!fields.contains(WEIGHT_MAP)) {
        throw CheckpointFormatException.of(Code.INDEX, file.path(), "has no weight_map");
      }
    }
  }

  private static void forEachEntry(StrictJson json, Entry entry) throws IOException {
    if (!json.is(JsonToken.START_OBJECT)) {
      throw json.refused(Code.INDEX, "the weight_map is not a map of strings");
    }
    Map<String, String> shards = new HashMap<>();
    while (json.nextName()) {
      String tensor = json.text();
      if (json.next() != JsonToken.VALUE_STRING) {
        throw json.refused(Code.INDEX, tensor, "its shard is not a string");
      }
      String shard = shards.computeIfAbsent(json.text(), name -> name);
      entry.take(json, tensor, shard, json.offset(), json.end());
    }
  }

  InputFile file() {
    return file;
  }

  /** Gives the names of the shards in their order. */
  SortedSet<String> shards() {
    return new TreeSet<>(shardOf.values());
  }

  /** Checks that a tensor that was found in {@code shard} is where the index has it. */
  void check(String shard, StoredTensor tensor) {
    String name = tensor.tensor().name();
    String expected = shardOf.get(name);
    if (!shard.equals(expected)) {
      throw CheckpointFormatException.in(
          Code.INDEX,
          file.path(),
          name,
          -1,
          expected == null
              ? "is in " + shard + ", but not in the index"
              : "is in " + shard + ", and by the index in " + expected);
    }
  }

  /** Checks that all tensors of the index are among those that were found. */
  void checkComplete(Set<String> found) {
    for (Map.Entry<String, String> entry : shardOf.entrySet()) {
      if (!found.contains(entry.getKey())) {
        throw CheckpointFormatException.in(
            Code.INDEX, file.path(), entry.getKey(), -1, "is not in " + entry.getValue());
      }
    }
  }

  /** Copies the index byte for byte, but for the names of the shards. */
  void copyTo(OutputFile output, Map<String, String> newNames) throws IOException {
    Copy copy = new Copy(output);
    forEachShardName(
        (json, tensor, shard, begin, end) -> {
          String name = newNames.get(shard);
          if (name == null) {
            throw CheckpointFormatException.of(
                Code.FILE_CHANGED, file.path(), "names other shards than when it was opened");
          }
          copy.keepUntil(begin);
          copy.put(quoted(name));
          copy.skipTo(end);
        });
    copy.keepUntil(file.size());
    copy.flush();
  }

  private static byte[] quoted(String name) {
    String escaped = new String(JsonStringEncoder.getInstance().quoteAsString(name));
    return ('"' + escaped + '"').getBytes(StandardCharsets.UTF_8);
  }

  /** Goes through the index from front to end, and writes what is kept and what is put instead. */
  private final class Copy {
    private final OutputFile output;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    private long from;
    private long to;

    Copy(OutputFile output) {
      this.output = output;
    }

    void keepUntil(long end) throws IOException {
      while (from < end) {
        makeRoom(1);
        ByteBuffer part =
            buffer.slice(buffer.position(), (int) Math.min(buffer.remaining(), end - from));
        file.read(from, part);
        from += part.capacity();
        buffer.position(buffer.position() + part.capacity());
      }
    }

    void put(byte[] bytes) throws IOException {
      makeRoom(bytes.length);
      buffer.put(bytes);
    }

    void skipTo(long position) {
      from = position;
    }

    private void makeRoom(int bytes) throws IOException {
      if (buffer.remaining() < bytes) {
        flush();
      }
    }

    void flush() throws IOException {
      buffer.flip();
      int size = buffer.remaining();
      output.write(to, buffer);
      to += size;
      buffer.clear();
    }
  }
}
