package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * A protocol buffer message in a file, walked field by field. A message inside it may be walked in
 * between.
 */
final class Message {
  private static final int MAX_DEPTH = 100;
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int LENGTH = 2;
  private static final int FIXED32 = 5;

  private final Wire wire;
  private final @Nullable Message parent;
  private final long header;
  private final long start;
  private final long end;
  private final int depth;

  private long next;
  private int field;
  private int type;
  private long value;
  private long tag;
  private long valueStart;
  private long bodyStart;

  private Message(Wire wire, @Nullable Message parent, long header, long start, long end) {
    this.wire = wire;
    this.parent = parent;
    this.header = header;
    this.start = start;
    this.end = end;
    this.depth = parent == null ? 0 : parent.depth + 1;
    this.next = start;
  }

  /** Gives the message that is the whole file. */
  static Message root(Wire wire) {
    return new Message(wire, null, 0, 0, wire.size());
  }

  Wire wire() {
    return wire;
  }

  /** Gives how many messages are around this one. */
  int depth() {
    return depth;
  }

  /** Gives the message around this one. */
  @Nullable Message parent() {
    return parent;
  }

  /** Gives the position of the varint that holds this message's length. */
  long header() {
    return header;
  }

  /** Gives the position of its first byte. */
  long start() {
    return start;
  }

  /** Gives the position after its last byte. */
  long end() {
    return end;
  }

  /** Goes on to the next field, if there is one. */
  boolean next() throws IOException {
    if (next == end) {
      return false;
    }
    tag = next;
    wire.seek(next);
    long key = wire.varint(end);
    if (key >>> 32 != 0 || key >>> 3 == 0) {
      throw wire.bad(tag, "a field that has no number");
    }
    field = (int) (key >>> 3);
    type = (int) (key & 7);
    valueStart = wire.position();
    switch (type) {
      case VARINT -> value = wire.varint(end);
      case FIXED64 -> value = wire.fixed(Long.BYTES, end);
      case FIXED32 -> value = wire.fixed(Integer.BYTES, end);
      case LENGTH -> skipBody();
      default -> throw wire.bad(tag, "wire type " + type);
    }
    next = wire.position();
    return true;
  }

  private void skipBody() throws IOException {
    value = wire.varint(end);
    if (value < 0 || value > Integer.MAX_VALUE) {
      throw wire.bad(tag, "a field of 2^31 bytes or more");
    }
    bodyStart = wire.position();
    if (value > end - bodyStart) {
      throw wire.bad(tag, "a field of " + value + " bytes runs beyond its message");
    }
    wire.seek(bodyStart + value);
  }

  /** Gives the field's number. */
  int field() {
    return field;
  }

  boolean isVarint() {
    return type == VARINT;
  }

  boolean isFixed32() {
    return type == FIXED32;
  }

  boolean isFixed64() {
    return type == FIXED64;
  }

  /** Says whether the field is a string, bytes, a message, or a packed list. */
  boolean isBody() {
    return type == LENGTH;
  }

  /** Gives the field's number, or its length in bytes. */
  long value() {
    return value;
  }

  /** Gives the position of the field. */
  long tag() {
    return tag;
  }

  /** Gives the position after the field's tag. */
  long valueStart() {
    return valueStart;
  }

  /** Gives the position of the field's first byte after its length. */
  long bodyStart() {
    return bodyStart;
  }

  /** Gives the position after the field. */
  long bodyEnd() {
    return next;
  }

  /** Reads the field as a string. */
  String string() throws IOException {
    wire.seek(bodyStart);
    return wire.string((int) value);
  }

  /** Gives the field as a message to walk. */
  Message message() {
    if (depth == MAX_DEPTH) {
      throw CheckpointFormatException.at(
          Code.PROTO_DEPTH, wire.path(), tag, "messages nested more than " + MAX_DEPTH + " deep");
    }
    return new Message(wire, this, valueStart, bodyStart, next);
  }

  /** Hears of integers and where they end. */
  @FunctionalInterface
  interface Varints {
    void accept(long value, long endsAt) throws IOException;
  }

  /** Reads the field as one integer or a packed list of them. */
  void varints(Varints each) throws IOException {
    if (isVarint()) {
      each.accept(value, next);
    } else if (isBody()) {
      wire.seek(bodyStart);
      while (wire.position() < next) {
        long number = wire.varint(next);
        each.accept(number, wire.position());
      }
    }
  }
}
