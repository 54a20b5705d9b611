package dev.coppice.formats.onnx;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.function.Function;

/**
 * What changes in the bytes of a model whose external data get new names: the names, and the
 * lengths of the messages around them.
 */
final class LocationEdits {
  /** Bytes of the input, from start to end, that are replaced. */
  static final class Edit {
    private final long start;
    private final long end;
    private final byte[] bytes;

    private Edit(long start, long end, byte[] bytes) {
      this.start = start;
      this.end = end;
      this.bytes = bytes;
    }

    long start() {
      return start;
    }

    long end() {
      return end;
    }

    /** Gives how many bytes more than before there are. */
    long growth() {
      return bytes.length - (end - start);
    }

    ByteBuffer bytes() {
      return ByteBuffer.wrap(bytes);
    }
  }

  private final List<Edit> edits = new ArrayList<>();
  private final IdentityHashMap<Message, Long> growth = new IdentityHashMap<>();

  private LocationEdits() {}

  /** Gives the edits in the order of the file. */
  static List<Edit> of(List<StoredTensor> tensors, Function<StoredTensor, String> newName) {
    LocationEdits all = new LocationEdits();
    Map<String, byte[]> fields = new HashMap<>();
    for (StoredTensor tensor : tensors) {
      StoredTensor.Location location = tensor.location();
      if (location != null) {
        byte[] field = fields.computeIfAbsent(newName.apply(tensor), LocationEdits::field);
        all.replace(location.entry(), location.start(), location.end(), field);
      }
    }
    all.resizeMessages();
    all.edits.sort(Comparator.comparingLong(Edit::start));
    return all.edits;
  }

  private static byte[] field(String name) {
    byte[] text = name.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream field = new ByteArrayOutputStream();
    field.writeBytes(varint(text.length));
    field.writeBytes(text);
    return field.toByteArray();
  }

  private static byte[] varint(long value) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    long rest = value;
    for (; rest > 0x7F; rest >>>= 7) {
      bytes.write((int) ((rest & 0x7F) | 0x80));
    }
    bytes.write((int) rest);
    return bytes.toByteArray();
  }

  private void replace(Message message, long start, long end, byte[] bytes) {
    Edit edit = new Edit(start, end, bytes);
    edits.add(edit);
    growth.merge(message, edit.growth(), Long::sum);
  }

  /** Goes from the inside outwards: a longer length makes the message around it longer too. */
  private void resizeMessages() {
    PriorityQueue<Message> deepestFirst =
        new PriorityQueue<>(Comparator.comparingInt(Message::depth).reversed());
    deepestFirst.addAll(growth.keySet());
    while (!deepestFirst.isEmpty()) {
      Message message = deepestFirst.remove();
      Message parent = message.parent();
      long grown = growth.getOrDefault(message, 0L);
      if (parent == null || grown == 0) {
        continue;
      }
      if (!growth.containsKey(parent)) {
        deepestFirst.add(parent);
      }
      growth.merge(parent, grown, Long::sum);
      byte[] length = varint(message.end() - message.start() + grown);
      replace(parent, message.header(), message.start(), length);
    }
  }
}
