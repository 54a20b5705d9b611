package dev.coppice.cuda;

import java.nio.ByteBuffer;
import jcuda.driver.CUstream;

/** Sets each row of a matrix to one row, by the kernel of broadcast.cu. */
final class RowBroadcast {
  private static final int[] WORDS = {16, 4, 2};

  private final Kernel kernel;
  private final LaunchBlock block = new LaunchBlock();
  private final long row;
  private final long rowBytes;

  /**
   * @param row where the row lies on the device
   */
  RowBroadcast(Kernel kernel, long row, long rowBytes) {
    this.kernel = kernel;
    this.row = row;
    this.rowBytes = rowBytes;
  }

  /** Puts the kernel into the stream: it writes {@code rows} rows, and reads little. */
  void enqueue(long target, long rows, CUstream stream) {
    int word = WORDS[0];
    for (int i = 1; ((row | target | rowBytes) & (word - 1)) != 0; i++) {
      word = WORDS[i];
    }
    long words = rowBytes / word;
    long tiles = (words + Headers.BROADCAST_TILE - 1) / Headers.BROADCAST_TILE;
    ByteBuffer parameters = block.begin();
    parameters.putLong(row).putLong(target).putLong(words).putLong(tiles).putInt(word).putInt(0);
    block.launch(kernel, Math.multiplyExact(rows, tiles), 0, stream);
  }
}
