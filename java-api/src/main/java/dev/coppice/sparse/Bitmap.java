package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
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
          long[] words = new long[stride / Long.BYTES];
          int stored = 0;
          for (int first = 0; first < elements.length; first += Long.SIZE) {
            long word = word(elements, first);
            words[first / Long.SIZE] = word;
            stored += Long.bitCount(word);
          }
          words(bits, row, stride).put(0, words);
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
          int[] kept = new int[elements.length];
          int stored = 0;
          for (int element : elements) {
            kept[stored] = element;
            stored += element != 0 ? 1 : 0;
          }
          Rows.put(values, (int) offsets.getLong((int) row * Long.BYTES), dtype, kept, stored);
        });
    return new Bitmap(dtype, rows.out(), rows.in(), bits, offsets, values);
  }

  /** Gives a bit for each of up to 64 elements. */
  private static long word(int[] elements, int first) {
    int count = Math.min(Long.SIZE, elements.length - first);
    long word = 0;
    for (int i = 0; i < count; i++) {
      word |= (elements[first + i] != 0 ? 1L : 0L) << i;
    }
    return word;
  }

  private static LongBuffer words(ByteBuffer bits, long row, int stride) {
    return bits.slice((int) row * stride, stride).order(ByteOrder.LITTLE_ENDIAN).asLongBuffer();
  }

  static List<PartLayout> layout(DType dtype, long out, int in) {
    return List.of(
        PartLayout.of("bits", "U8", out, stride(in)),
        PartLayout.of("offsets", "I64", out + 1),
        PartLayout.stored("values", dtype.name(), Math.multiplyExact(out, padded(in, dtype))));
  }

  static Bitmap of(StoredParts stored) {
    int stride = stride(stored.columns());
    ByteBuffer bits = stored.part("bits", Math.multiplyExact(stored.out(), (long) stride));
    ByteBuffer offsets =
        stored.part("offsets", Math.multiplyExact(stored.out() + 1, (long) Long.BYTES));
    ByteBuffer values = stored.part("values");
    DType dtype = stored.dtype();
    int[] counts = new int[(int) stored.out()];
    long expected = 0;
    for (int row = 0; row <= stored.out(); row++) {
      long offset = offsets.getLong(row * Long.BYTES);
      if (offset != expected) {
        throw new IllegalArgumentException(
            "the values of row %d must begin at element %d, not %d"
                .formatted(row, expected, offset));
      }
      if (row < stored.out()) {
        counts[row] = count(bits, row, stride, stored.columns());
        expected += padded(counts[row], dtype);
      }
    }
    stored.part("values", expected * dtype.bytes());
    for (int row = 0; row < stored.out(); row++) {
      int first = (int) offsets.getLong(row * Long.BYTES);
      requireZeros(values, row, first + counts[row], first + padded(counts[row], dtype), dtype);
    }
    return new Bitmap(dtype, stored.out(), stored.columns(), bits, offsets, values);
  }

  /** What follows a row's values up to the next row is not read as a weight. */
  private static void requireZeros(ByteBuffer values, int row, int from, long to, DType dtype) {
    for (int i = from; i < to; i++) {
      if (Rows.get(values, i, dtype) != 0) {
        throw new IllegalArgumentException(
            "row %d has a value other than zero at element %d, after its last".formatted(row, i));
      }
    }
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

  static int stride(int columns) {
    return (int) (((columns + 7L) / 8 + ROW_BYTES - 1) / ROW_BYTES * ROW_BYTES);
  }

  static long padded(int stored, DType dtype) {
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
    int first = (int) offsets.getLong((int) row * Long.BYTES);
    int count = (int) offsets.getLong((int) (row + 1) * Long.BYTES) - first;
    int[] stored = new int[count + 1]; // What follows the last is read, and not taken.
    Rows.get(values, first, dtype, stored, count);
    long[] words = new long[stride() / Long.BYTES];
    words(bits, row, stride()).get(0, words);
    int[] dense = new int[in];
    int next = 0;
    for (int c = 0; c < in; c++) {
      int bit = (int) (words[c / Long.SIZE] >>> c) & 1;
      dense[c] = stored[next] & -bit;
      next += bit;
    }
    Rows.put(into.slice(into.position(), in * dtype.bytes()), 0, dtype, dense, in);
  }
}
