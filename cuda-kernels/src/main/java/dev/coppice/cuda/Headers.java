package dev.coppice.cuda;

/** The constants of the .cuh files, under their names there; a test compares their values. */
final class Headers {
  static final int TILE_BYTES = 16384;
  static final int SCOPE_BEGINS = 1;
  static final int SCOPE_ENDS = 2;
  static final int MAGNITUDE_SHIFT = 16;
  static final int PHILOX_SHIFT = 17;
  static final int COARSE_BINS = 32768;
  static final int ZERO_COUNTERS = 32;
  static final int HISTOGRAM_THREADS = 1024;
  static final int THRESHOLD_THREADS = 1024;
  static final int THRESHOLD_SHARED = 512;
  static final int APPLY_THREADS = 256;
  static final int APPLY_SHARED = 6400;
  static final int REFINE_THREADS = 256;
  static final int REFINE_SHARED = 256;
  static final int REFINE_TILE = 1024;
  static final int SUMS_THREADS = 256;
  static final int SUMS_SHARED = 8448;
  static final int GROUPS_TILE = 4096;
  static final int ROWS_HEADER_BYTES = 64;
  static final int ROW_BYTES = 1200;
  static final int LONG_ROW_BYTES = 2352;
  static final int BROADCAST_THREADS = 256;
  static final int BROADCAST_TILE = 1024;
  static final int LINEAR_THREADS = 256;
  static final int LINEAR_UNIT = 256;
  static final int TWO_FOUR_ROWS = 16;
  static final int TWO_FOUR_SHARED = 4096;
  static final int BITMAP_ROWS = 8;
  static final int BITMAP_SHARED = 33792;
  static final int BITMAP_LONG_SHARED = 66560;
  static final int MATMUL_THREADS = 128;
  static final int MATMUL_ROWS = 128;
  static final int MATMUL_WIDE = 128;
  static final int MATMUL_NARROW = 32;
  static final int MATMUL_WIDE_SHARED = 102400;
  static final int MATMUL_NARROW_SHARED = 53248;

  private Headers() {}
}
