package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads the directory of a zip file: where its members are, each checked to be inside the file. */
final class ZipMembers {
  /**
   * A member of a zip file.
   *
   * @param deflated whether it is compressed
   * @param begin where its bytes begin in the file
   * @param end where they end
   * @param size of the member, not compressed
   * @param crc of the member
   */
  record Member(boolean deflated, long begin, long end, long size, long crc) {}

  private static final int END = 0x06054b50;
  private static final int END_BYTES = 22;
  private static final int LONGEST_COMMENT = 0xFFFF;
  private static final int WIDE_LOCATOR = 0x07064b50;
  private static final int WIDE_END = 0x06064b50;
  private static final int ENTRY = 0x02014b50;
  private static final int ENTRY_BYTES = 46;
  private static final int LOCAL = 0x04034b50;
  private static final int LOCAL_BYTES = 30;
  private static final int MOST_DIRECTORY_BYTES = 1 << 20;
  private static final long NARROW = 0xFFFF_FFFFL;
  private static final int ENCRYPTED = 1;
  private static final int STORED = 0;
  private static final int DEFLATED = 8;

  private final InputFile file;
  private final Map<String, Member> members = new LinkedHashMap<>();
  private long directory;

  private ZipMembers(InputFile file) {
    this.file = file;
  }

  /** Gives the members by their names. */
  static Map<String, Member> read(InputFile file) throws IOException {
    ZipMembers zip = new ZipMembers(file);
    ByteBuffer entries = zip.directory();
    while (entries.hasRemaining()) {
      zip.add(entries);
    }
    return zip.members;
  }

  private ByteBuffer directory() throws IOException {
    long from = Math.max(0, file.size() - END_BYTES - LONGEST_COMMENT);
    ByteBuffer tail = bytes(from, (int) (file.size() - from));
    for (int at = tail.capacity() - END_BYTES; at >= 0; at--) {
      if (tail.getInt(at) == END
          && at + END_BYTES + (tail.getShort(at + 20) & 0xFFFF) == tail.capacity()) {
        return directory(tail, at, from);
      }
    }
    throw damaged(file.size(), "is not a zip file, which NPZ files are");
  }

  private ByteBuffer directory(ByteBuffer tail, int at, long from) throws IOException {
    long size = tail.getInt(at + 12) & NARROW;
    directory = tail.getInt(at + 16) & NARROW;
    if (directory == NARROW && at >= 20 && tail.getInt(at - 20) == WIDE_LOCATOR) {
      long place = tail.getLong(at - 12);
      checkInside(place, 56, file.size());
      ByteBuffer wide = bytes(place, 56);
      if (wide.getInt(0) != WIDE_END) {
        throw damaged(place, "has no end of its directory here");
      }
      size = wide.getLong(40);
      directory = wide.getLong(48);
    }
    checkInside(directory, size, from + at);
    if (size > MOST_DIRECTORY_BYTES) {
      throw CheckpointFormatException.of(
          Code.LIMIT, file.path(), "has a directory of " + size + " bytes");
    }
    return bytes(directory, (int) size);
  }

  private void add(ByteBuffer entries) throws IOException {
    int at = entries.position();
    if (entries.remaining() < ENTRY_BYTES || entries.getInt(at) != ENTRY) {
      throw damaged(directory + at, "has a damaged directory");
    }
    int nameBytes = entries.getShort(at + 28) & 0xFFFF;
    int extraBytes = entries.getShort(at + 30) & 0xFFFF;
    int bytes = ENTRY_BYTES + nameBytes + extraBytes + (entries.getShort(at + 32) & 0xFFFF);
    if (entries.remaining() < bytes) {
      throw damaged(directory + at, "has a damaged directory");
    }
    ByteBuffer entry = entries.slice(at, bytes).order(ByteOrder.LITTLE_ENDIAN);
    String name = StandardCharsets.UTF_8.decode(entry.slice(ENTRY_BYTES, nameBytes)).toString();
    Member member = member(name, entry, ENTRY_BYTES + nameBytes, extraBytes);
    if (members.put(name, member) != null) {
      throw CheckpointFormatException.in(
          Code.DUPLICATE_KEY, file.path(), name, directory + at, "is there twice");
    }
    entries.position(at + bytes);
  }

  private Member member(String name, ByteBuffer entry, int extra, int extraBytes)
      throws IOException {
    int method = entry.getShort(10);
    if ((entry.getShort(8) & ENCRYPTED) != 0 || (method != STORED && method != DEFLATED)) {
      throw CheckpointFormatException.in(
          Code.UNSUPPORTED,
          file.path(),
          name,
          -1,
          "is encrypted or compressed in a way that is not read: " + method);
    }
    // What does not fit into 32 bits stands in the extra field of zip64, in this order.
    ByteBuffer wide = wide(entry.slice(extra, extraBytes).order(ByteOrder.LITTLE_ENDIAN));
    long size = widened(entry.getInt(24), wide);
    long packed = widened(entry.getInt(20), wide);
    long local = widened(entry.getInt(42), wide);
    checkInside(local, LOCAL_BYTES, directory);
    ByteBuffer header = bytes(local, LOCAL_BYTES);
    if (header.getInt(0) != LOCAL) {
      throw damaged(local, "has no member here");
    }
    long begin =
        local + LOCAL_BYTES + (header.getShort(26) & 0xFFFF) + (header.getShort(28) & 0xFFFF);
    checkInside(begin, packed, directory);
    if (size < 0 || (method == STORED && size != packed)) {
      throw CheckpointFormatException.in(
          Code.TENSOR_SIZE, file.path(), name, local, "has two sizes");
    }
    return new Member(method == DEFLATED, begin, begin + packed, size, entry.getInt(16) & NARROW);
  }

  private static ByteBuffer wide(ByteBuffer extra) {
    while (extra.remaining() >= 4) {
      int id = extra.getShort();
      int bytes = Math.min(extra.getShort() & 0xFFFF, extra.remaining());
      if (id == 1) {
        return extra.slice(extra.position(), bytes).order(ByteOrder.LITTLE_ENDIAN);
      }
      extra.position(extra.position() + bytes);
    }
    return ByteBuffer.allocate(0);
  }

  private static long widened(int narrow, ByteBuffer wide) {
    long value = narrow & NARROW;
    return value == NARROW && wide.remaining() >= 8 ? wide.getLong() : value;
  }

  private void checkInside(long begin, long bytes, long end) {
    if (begin < 0 || bytes < 0 || begin > end || bytes > end - begin) {
      throw CheckpointFormatException.of(
          Code.OFFSETS, file.path(), "has a part outside of the file; it is damaged or cut short");
    }
  }

  private ByteBuffer bytes(long from, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
    file.read(from, bytes);
    return bytes.clear();
  }

  private CheckpointFormatException damaged(long offset, String why) {
    return CheckpointFormatException.at(Code.UNSUPPORTED, file.path(), offset, why);
  }
}
