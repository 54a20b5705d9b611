package dev.coppice.cuda;

/**
 * What users and tests may set, as system properties; read when a device is opened.
 *
 * @param memory the most device memory that Coppice takes: {@code coppice.cuda.memory}
 * @param resident the most weights, in bytes, that one call brings to the device at once; more than
 *     that goes there in turn, once for each pass: {@code coppice.cuda.resident}
 * @param kept the most that stays allocated between calls, a 64th of the device unless set: {@code
 *     coppice.cuda.kept}
 * @param chunk what is brought to the device at a time, small enough that copies and kernels
 *     overlap: {@code coppice.cuda.chunk}
 * @param staging half the pinned memory of a lane: {@code coppice.cuda.staging}
 */
record Settings(long memory, long resident, long kept, int chunk, int staging) {
  /** The list of an F32 tensor that fills the device takes sixteen times this share. */
  private static final int KEPT_SHARE = 64;

  private static final int LEAST_PIECE = 64;

  /** Both halves of a lane are counted in an int. */
  private static final int MOST_PIECE = 1 << 29;

  /**
   * Reads them for a device of so much memory.
   *
   * @throws IllegalArgumentException if one is no number or out of bounds
   */
  static Settings read(long deviceBytes) {
    return new Settings(
        bytes("memory", Long.MAX_VALUE, 0, Long.MAX_VALUE),
        bytes("resident", Long.MAX_VALUE, 0, Long.MAX_VALUE),
        bytes("kept", deviceBytes / KEPT_SHARE, 0, Long.MAX_VALUE),
        (int) bytes("chunk", 64 << 20, LEAST_PIECE, MOST_PIECE),
        (int) bytes("staging", 4 << 20, LEAST_PIECE, MOST_PIECE));
  }

  private static long bytes(String name, long unlessSet, long least, long most) {
    String property = "coppice.cuda." + name;
    String set = System.getProperty(property, Long.toString(unlessSet));
    long value;
    try {
      value = Long.parseLong(set);
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(property + " must be a number of bytes, not " + set, e);
    }
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          "%s must be %d to %d bytes, not %d".formatted(property, least, most, value));
    }
    return value;
  }
}
