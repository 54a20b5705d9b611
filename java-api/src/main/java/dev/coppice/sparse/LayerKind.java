package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the time of a layer's products depends on: layers of one kind are measured once.
 *
 * @param percent of the weights that are zero, rounded
 * @param fours whether at most two of each four weights are other than zero
 */
record LayerKind(long out, int in, DType dtype, int percent, boolean fours) {
  /** Bits and the weights that are left take more than dense ones do above this share. */
  private static final int LEAST_PERCENT_BITMAP = 25;

  /** Columns of 32 bits cost more than they save below that, whatever the type. */
  private static final int LEAST_PERCENT_CSR = 70;

  /** A layer's kind, and the exact share of zeros. */
  record Seen(LayerKind kind, double sparsity) {}

  /** Reads weights of the host once. */
  static Seen of(Tensor weights) {
    Rows rows = Rows.of(weights);
    LongAdder zeros = new LongAdder();
    AtomicBoolean fours = new AtomicBoolean(rows.in() % 4 == 0);
    rows.visit(
        (row, bits) -> {
          int found = 0;
          for (int bit : bits) {
            found += bit == 0 ? 1 : 0;
          }
          zeros.add(found);
          if (fours.get() && !TwoFour.fits(bits)) {
            fours.set(false);
          }
        });
    double sparsity = (double) zeros.sum() / weights.shape().elements();
    int percent = (int) Math.rint(100 * sparsity);
    return new Seen(
        new LayerKind(rows.out(), rows.in(), rows.dtype(), percent, fours.get()), sparsity);
  }

  /** Gives the formats that are worth measuring, dense first. */
  List<Format> formats() {
    List<Format> formats = new ArrayList<>(List.of(Format.DENSE));
    if (fours) {
      formats.add(Format.TWO_FOUR);
    }
    if (percent > LEAST_PERCENT_BITMAP) {
      formats.add(Format.BITMAP);
    }
    if (percent > LEAST_PERCENT_CSR) {
      formats.add(Format.CSR);
    }
    return formats;
  }

  /** Gives the bytes of the dense weights. */
  long bytes() {
    return out * in * dtype.bytes();
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%dx%d %s %d %%%s", out, in, dtype, percent, fours ? " 2:4" : "");
  }
}
