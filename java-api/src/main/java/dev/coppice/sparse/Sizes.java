package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Tensor;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;

/** Counts, in one pass, what weights would take in each format. */
final class Sizes {
  private final Rows rows;
  private final LongAdder stored = new LongAdder();
  private final LongAdder padded = new LongAdder();
  private final AtomicBoolean twoFour;

  private Sizes(Rows rows) {
    this.rows = rows;
    this.twoFour = new AtomicBoolean(rows.in() % 4 == 0);
  }

  static Map<Format, Long> of(Tensor weights) {
    Sizes sizes = new Sizes(Rows.of(weights));
    sizes.rows.visit(sizes::count);
    return sizes.result();
  }

  private void count(long row, int[] bits) {
    int count = 0;
    for (int element : bits) {
      count += element != 0 ? 1 : 0;
    }
    stored.add(count);
    padded.add(Bitmap.padded(count, rows.dtype()));
    if (twoFour.get() && !TwoFour.fits(bits)) {
      twoFour.set(false);
    }
  }

  private Map<Format, Long> result() {
    DType dtype = rows.dtype();
    long out = rows.out();
    Map<Format, Long> sizes = new EnumMap<>(Format.class);
    sizes.put(Format.DENSE, out * rows.in() * dtype.bytes());
    if (twoFour.get()) {
      sizes.put(Format.TWO_FOUR, TwoFour.bytes(out, rows.in(), dtype));
    }
    sizes.put(
        Format.BITMAP,
        out * Bitmap.stride(rows.in()) + (out + 1) * Long.BYTES + padded.sum() * dtype.bytes());
    sizes.put(
        Format.CSR, (out + 1) * Integer.BYTES + stored.sum() * (Integer.BYTES + dtype.bytes()));
    return sizes;
  }
}
