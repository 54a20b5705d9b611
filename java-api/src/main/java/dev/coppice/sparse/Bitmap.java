package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The weights that are not zero, packed, and one bit for each weight: for unstructured sparsity of
 * 30 to 95 percent.
 *
 * <ul>
 *   <li>{@code bits}, U8 [out, stride]: bit c mod 8 of byte c / 8 of a row says that its column c
 *       is stored. A row takes a multiple of {@value #ROW_BYTES} bytes; bits beyond the last column
 *       are 0.
 *   <li>{@code offsets}, I64 [out + 1]: where each row's values begin, counted in elements. Each is
 *       a multiple of 16 bytes; the last is the end.
 *   <li>{@code values}: of each row, in order of columns; then zeros up to the next row.
 * </ul>
 */
public final class Bitmap implements LinearWeights {
  private static final int ROW_BYTES = 16;
  private static final int VALUES_ALIGNMENT = 16;

  private final DType dtype;
  private final long out;
  private final int in;
  private final ByteBuffer bits;
  private final ByteBuffer offsets;
  private final ByteBuffer values;

  private Bitmap(
      DType dtype, long out, int in, ByteBuffer bits, ByteBuffer offsets, ByteBuffer values) {
    this.dtype = dtype;
    this.out = out;
    this.in = in;
    this.bits = bits;
    this.offsets = offsets;
    this.values = values;
  }

  static Bitmap compress(Tensor weights) {
    Rows rows = Rows.of(weights);
    DType dtype = rows.dtype();
    int stride = stride(rows.in());
    ByteBuffer bits = Part.allocate("bits", Math.multiplyExact(rows.out(), (long) stride));
    ByteBuffer offsets = Part.allocate("offsets", (rows.out() + 1) * Long.BYTES);
    rows.visit(
        (row, elements) -> {
          int stored = 0;
          for (int c = 0; c < elements.length; c++) {
            if (elements[c] != 0) {
              int at = (int) row * stride + c / 8;
              bits.put(at, (byte) (bits.get(at) | (1 << (c % 8))));
              stored++;
            }
          }
          offsets.putLong((int) (row + 1) * Long.BYTES, padded(stored, dtype));
        });
    long end = 0;
    for (long row = 1; row <= rows.out(); row++) {
      end += offsets.getLong((int) row * Long.BYTES);
      offsets.putLong((int) row * Long.BYTES, end);
    }
    ByteBuffer values = Part.allocate("values", end * dtype.bytes());
    rows.visit(
        (row, elements) -> {
          int at = (int) offsets.getLong((int) row * Long.BYTES);
          for (int element : elements) {
            if (element != 0) {
              Rows.put(values, at++, dtype, element);
            }
          }
        });
    return new Bitmap(dtype, rows.out(), rows.in(), bits, offsets, values);
  }

  static Bitmap of(StoredParts stored) {
    int stride = stride(stored.columns());
    ByteBuffer bits = stored.part("bits", Math.multiplyExact(stored.out(), (long) stride));
    ByteBuffer offsets =
        stored.part("offsets", Math.multiplyExact(stored.out() + 1, (long) Long.BYTES));
    ByteBuffer values = stored.part("values");
    long expected = 0;
    for (int row = 0; row <= stored.out(); row++) {
      long offset = offsets.getLong(row * Long.BYTES);
      if (offset != expected) {
        throw new IllegalArgumentException(
            "the values of row %d must begin at element %d, not %d"
                .formatted(row, expected, offset));
      }
      if (row < stored.out()) {
        expected += padded(count(bits, row, stride, stored.columns()), stored.dtype());
      }
    }
    stored.part("values", expected * stored.dtype().bytes());
    return new Bitmap(stored.dtype(), stored.out(), stored.columns(), bits, offsets, values);
  }

  /** Counts a row's bits; none may be set beyond the last column. */
  private static int count(ByteBuffer bits, int row, int stride, int columns) {
    int count = 0;
    for (int i = 0; i < stride; i++) {
      int octet = bits.get(row * stride + i) & 0xFF;
      int beyond = Math.min(8, Math.max(0, columns - 8 * i));
      if (octet >>> beyond != 0) {
        throw new IllegalArgumentException(
            "row %d has bits beyond its %d columns".formatted(row, columns));
      }
      count += Integer.bitCount(octet);
    }
    return count;
  }

  private static int stride(int columns) {
    return (int) (((columns + 7L) / 8 + ROW_BYTES - 1) / ROW_BYTES * ROW_BYTES);
  }

  private static long padded(int stored, DType dtype) {
    int unit = VALUES_ALIGNMENT / dtype.bytes();
    return (stored + unit - 1L) / unit * unit;
  }

  @Override
  public Format format() {
    return Format.BITMAP;
  }

  @Override
  public DType dtype() {
    return dtype;
  }

  @Override
  public long out() {
    return out;
  }

  @Override
  public int in() {
    return in;
  }

  /** Gives how many bytes of bits a row takes. */
  public int stride() {
    return stride(in);
  }

  @Override
  public List<Part> parts() {
    return List.of(
        new Part("bits", "U8", Shape.of(out, stride()), bits),
        new Part("offsets", "I64", Shape.of(out + 1), offsets),
        new Part("values", dtype.name(), Shape.of(values.capacity() / dtype.bytes()), values));
  }

  @Override
  public void row(long row, ByteBuffer into) {
    int at = (int) offsets.getLong((int) row * Long.BYTES);
    ByteBuffer dense = into.slice(into.position(), in * dtype.bytes()).order(bits.order());
    for (int c = 0; c < in; c++) {
      boolean stored = (bits.get((int) row * stride() + c / 8) >>> (c % 8) & 1) != 0;
      Rows.put(dense, c, dtype, stored ? Rows.get(values, at++, dtype) : 0);
    }
  }
}
