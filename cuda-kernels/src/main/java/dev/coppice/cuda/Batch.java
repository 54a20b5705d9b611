package dev.coppice.cuda;

import java.util.ArrayList;
import java.util.List;

/**
 * Consecutive parts that are on the device together.
 *
 * @param from the index of the first
 * @param to the index after the last
 * @param bytes what those take that are brought there
 */
record Batch(int from, int to, long bytes) {
  /** Cuts parts into batches that take at most {@code slotBytes}; no part takes more than that. */
  static List<Batch> cut(List<Part> parts, long slotBytes) {
    List<Batch> batches = new ArrayList<>();
    int from = 0;
    long bytes = 0;
    for (int i = 0; i < parts.size(); i++) {
      long more = slotBytes(parts.get(i));
      if (bytes + more > slotBytes && i > from) {
        batches.add(new Batch(from, i, bytes));
        from = i;
        bytes = 0;
      }
      bytes += more;
    }
    batches.add(new Batch(from, parts.size(), bytes));
    return batches;
  }

  /** Gives what a part takes of a slot. */
  static long slotBytes(Part part) {
    return part.isOnDevice() ? 0 : DeviceArena.rounded(part.bytes());
  }
}
