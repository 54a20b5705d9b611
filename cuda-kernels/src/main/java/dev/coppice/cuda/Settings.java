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

  /** Reads them for a device of so much memory. */
  static Settings read(long deviceBytes) {
    return new Settings(
        Long.getLong("coppice.cuda.memory", Long.MAX_VALUE),
        Long.getLong("coppice.cuda.resident", Long.MAX_VALUE),
        Long.getLong("coppice.cuda.kept", deviceBytes / KEPT_SHARE),
        Integer.getInteger("coppice.cuda.chunk", 64 << 20),
        Integer.getInteger("coppice.cuda.staging", 4 << 20));
  }
}
