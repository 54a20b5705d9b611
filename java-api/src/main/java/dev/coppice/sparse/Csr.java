package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The weights that are not zero, and their columns, as cuSPARSE and most tools take them: for
 * sparsity above 90 percent, and for exchange.
 *
 * <ul>
 *   <li>{@code offsets}, I32 [out + 1]: where each row begins, counted in elements; the last is
 *       their number.
 *   <li>{@code columns}, I32: of each element, ascending in a row.
 *   <li>{@code values}: of each element.
 * </ul>
 */
public final class Csr implements LinearWeights {
  private final DType dtype;
  private final long out;
  private final int in;
  private final ByteBuffer offsets;
  private final ByteBuffer columns;
  private final ByteBuffer values;

  private Csr(
      DType dtype, long out, int in, ByteBuffer offsets, ByteBuffer columns, ByteBuffer values) {
    this.dtype = dtype;
    this.out = out;
    this.in = in;
    this.offsets = offsets;
    this.columns = columns;
    this.values = values;
  }

  static Csr compress(Tensor weights) {
    Rows rows = Rows.of(weights);
    DType dtype = rows.dtype();
    ByteBuffer offsets = Part.allocate("offsets", (rows.out() + 1) * Integer.BYTES);
    rows.visit(
        (row, elements) -> {
          int stored = 0;
          for (int element : elements) {
            stored += element != 0 ? 1 : 0;
          }
          offsets.putInt((int) (row + 1) * Integer.BYTES, stored);
        });
    long end = 0;
    for (long row = 1; row <= rows.out(); row++) {
      end += offsets.getInt((int) row * Integer.BYTES);
      Part.requireSize("columns", end * Integer.BYTES);
      offsets.putInt((int) row * Integer.BYTES, (int) end);
    }
    ByteBuffer columns = Part.allocate("columns", end * Integer.BYTES);
    ByteBuffer values = Part.allocate("values", end * dtype.bytes());
    rows.visit(
        (row, elements) -> {
          int[] places = new int[elements.length];
          int[] kept = new int[elements.length];
          int stored = 0;
          for (int c = 0; c < elements.length; c++) {
            places[stored] = c;
            kept[stored] = elements[c];
            stored += elements[c] != 0 ? 1 : 0;
          }
          int first = offsets.getInt((int) row * Integer.BYTES);
          Rows.put(columns, first, DType.F32, places, stored);
          Rows.put(values, first, dtype, kept, stored);
        });
    return new Csr(dtype, rows.out(), rows.in(), offsets, columns, values);
  }

  static List<PartLayout> layout(DType dtype, long out, int in) {
    return List.of(
        PartLayout.of("offsets", "I32", out + 1),
        PartLayout.stored("columns", "I32", out * in),
        PartLayout.stored("values", dtype.name(), out * in));
  }

  static Csr of(StoredParts stored) {
    ByteBuffer offsets =
        stored.part("offsets", Math.multiplyExact(stored.out() + 1, (long) Integer.BYTES));
    ByteBuffer columns = stored.part("columns");
    int all = columns.remaining() / Integer.BYTES;
    ByteBuffer values = stored.part("values", (long) all * stored.dtype().bytes());
    stored.part("columns", (long) all * Integer.BYTES);
    int begin = offsets.getInt(0);
    if (begin != 0) {
      throw new IllegalArgumentException(
          "the first row must begin at element 0, not %d".formatted(begin));
    }
    for (int row = 0; row < stored.out(); row++) {
      int end = offsets.getInt((row + 1) * Integer.BYTES);
      if (end < begin || end > all) {
        throw new IllegalArgumentException(
            "row %d must end between elements %d and %d, not at %d"
                .formatted(row, begin, all, end));
      }
      int before = -1;
      for (int i = begin; i < end; i++) {
        int column = columns.getInt(i * Integer.BYTES);
        if (column <= before || column >= stored.columns()) {
          throw new IllegalArgumentException(
              "row %d has column %d after column %d of %d"
                  .formatted(row, column, before, stored.columns()));
        }
        before = column;
      }
      begin = end;
    }
    if (begin != all) {
      throw new IllegalArgumentException(
          "the last row must end at element %d, not %d".formatted(all, begin));
    }
    return new Csr(stored.dtype(), stored.out(), stored.columns(), offsets, columns, values);
  }

  @Override
  public Format format() {
    return Format.CSR;
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

  /** Gives how many weights are stored. */
  public int stored() {
    return columns.capacity() / Integer.BYTES;
  }

  @Override
  public List<Part> parts() {
    return List.of(
        new Part("offsets", "I32", Shape.of(out + 1), offsets),
        new Part("columns", "I32", Shape.of(stored()), columns),
        new Part("values", dtype.name(), Shape.of(stored()), values));
  }

  @Override
  public void row(long row, ByteBuffer into) {
    int first = offsets.getInt((int) row * Integer.BYTES);
    int count = offsets.getInt((int) (row + 1) * Integer.BYTES) - first;
    int[] places = new int[count];
    int[] stored = new int[count];
    Rows.get(columns, first, DType.F32, places, count);
    Rows.get(values, first, dtype, stored, count);
    int[] dense = new int[in];
    for (int i = 0; i < count; i++) {
      dense[places[i]] = stored[i];
    }
    Rows.put(into.slice(into.position(), in * dtype.bytes()), 0, dtype, dense, in);
  }
}
