package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Two of every four neighbours in a row, with their positions, as tensor cores take them ({@code
 * mma.sp} m16n8k32 of 16-bit types): for pattern 2:4.
 *
 * <p>Rows are filled up with zeros to a multiple of {@value #TILE_ROWS}, columns to one of {@value
 * #TILE_COLUMNS}.
 *
 * <ul>
 *   <li>{@code values} [rows, columns / 2]: of each four the two that are stored, in order.
 *   <li>{@code positions}, U32 [rows / 16, columns / 32, 8, 2]: word (i, k, g, h) is what lane 4g +
 *       h of a warp hands to the instruction for rows 16i to 16i + 15, columns 32k to 32k + 31,
 *       with sparsity selector 0. Its lower half is for row 16i + g, its upper half for row 16i + g
 *       + 8, both for columns 32k + 16h and the 15 after it: 4 bits for each four of them, lowest
 *       first; the first two bits are where in the four the first value stands, the others the
 *       second, which is further on.
 * </ul>
 */
public final class TwoFour implements LinearWeights {
  private static final int TILE_ROWS = 16;
  private static final int TILE_COLUMNS = 32;
  private static final int TILE_BYTES = 64;

  /** How many fours have their codes in one short. */
  private static final int FOURS = 4;

  /** The code for each set of columns that are not zero; -1 where they are more than two. */
  private static final int[] CODES = IntStream.range(0, 16).map(TwoFour::code).toArray();

  private final DType dtype;
  private final long out;
  private final int in;
  private final ByteBuffer values;
  private final ByteBuffer positions;

  private TwoFour(DType dtype, long out, int in, ByteBuffer values, ByteBuffer positions) {
    this.dtype = dtype;
    this.out = out;
    this.in = in;
    this.values = values;
    this.positions = positions;
  }

  static TwoFour compress(Tensor weights) {
    Rows rows = Rows.of(weights);
    DType dtype = rows.dtype();
    requireFours(rows.in());
    TwoFour made =
        new TwoFour(
            dtype,
            rows.out(),
            rows.in(),
            Part.allocate("values", valuesBytes(rows.out(), rows.in(), dtype)),
            Part.allocate("positions", positionsBytes(rows.out(), rows.in())));
    long padded = rows(rows.out());
    for (long row = rows.out(); row < padded; row++) {
      made.set(row, new int[0]);
    }
    // Rows g and g + 8 share words, but not their halves: threads write shorts.
    rows.visit(made::set);
    return made;
  }

  /** Sets one row; columns beyond what there is are zero. */
  private void set(long row, int[] bits) {
    int[] kept = new int[storedColumns()];
    for (int first = 0; first < columns(in); first += 4 * FOURS) {
      int codes = 0;
      for (int i = 0; i < FOURS; i++) {
        int at = first + 4 * i;
        int code = CODES[0];
        if (at < bits.length) {
          code = code(row, bits, at);
          kept[at / 2] = bits[at + (code & 3)];
          kept[at / 2 + 1] = bits[at + (code >>> 2)];
        }
        codes |= code << (4 * i);
      }
      positions.putShort(place(row, first / 4), (short) codes);
    }
    Rows.put(values, (int) row * kept.length, dtype, kept, kept.length);
  }

  /** Gives the 4 bits of the four columns from {@code first} on. */
  private static int code(long row, int[] bits, int first) {
    int code = CODES[stored(bits, first)];
    if (code < 0) {
      throw new IllegalArgumentException(
          "row %d has more than two weights other than zero in columns %d to %d: prune with pattern 2:4 first"
              .formatted(row, first, first + 3));
    }
    return code;
  }

  /** Gives a bit for each of four columns. */
  private static int stored(int[] bits, int first) {
    return (bits[first] != 0 ? 1 : 0)
        | (bits[first + 1] != 0 ? 2 : 0)
        | (bits[first + 2] != 0 ? 4 : 0)
        | (bits[first + 3] != 0 ? 8 : 0);
  }

  /** Of fewer than two the last is stored too, or the first beside the last. */
  private static int code(int stored) {
    int one = Integer.numberOfTrailingZeros(stored | 8);
    int rest = stored & ~(1 << one);
    return switch (Integer.bitCount(stored)) {
      case 0 -> 0 | 1 << 2;
      case 1 -> one == 3 ? 0 | 3 << 2 : one | 3 << 2;
      case 2 -> one | Integer.numberOfTrailingZeros(rest) << 2;
      default -> -1;
    };
  }

  static List<PartLayout> layout(DType dtype, long out, int in) {
    requireFours(in);
    return List.of(
        PartLayout.of("values", dtype.name(), rows(out), columns(in) / 2),
        PartLayout.of("positions", "U32", rows(out) / TILE_ROWS, columns(in) / TILE_COLUMNS, 8, 2));
  }

  static TwoFour of(StoredParts stored) {
    DType dtype = stored.dtype();
    long out = stored.out();
    int in = stored.columns();
    requireFours(in);
    ByteBuffer values = stored.part("values", valuesBytes(out, in, dtype));
    ByteBuffer positions = stored.part("positions", positionsBytes(out, in));
    TwoFour made = new TwoFour(dtype, out, in, values, positions);
    for (long row = 0; row < rows(out); row++) {
      for (int four = 0; four < columns(in) / 4; four++) {
        int code = made.code(row, four);
        if ((code & 3) >= code >>> 2) {
          throw new IllegalArgumentException(
              "row %d has positions %d and %d for columns %d to %d: the second must be further on"
                  .formatted(row, code & 3, code >>> 2, 4 * four, 4 * four + 3));
        }
        boolean beyond = row >= out || 4 * four >= in;
        for (int i = 0; i < 2 && beyond; i++) {
          int at = (int) row * made.storedColumns() + 2 * four + i;
          if (Rows.get(values, at, dtype) != 0) {
            throw new IllegalArgumentException(
                "row %d has a weight other than zero in column %d, beyond [%d, %d]"
                    .formatted(row, 4 * four, out, in));
          }
        }
      }
    }
    return made;
  }

  /** Says whether a row can be held, of a number of columns that is a multiple of 4. */
  static boolean fits(int[] bits) {
    for (int first = 0; first < bits.length; first += 4) {
      if (CODES[stored(bits, first)] < 0) {
        return false;
      }
    }
    return true;
  }

  /** Gives what all parts take. */
  static long bytes(long out, int in, DType dtype) {
    return valuesBytes(out, in, dtype) + positionsBytes(out, in);
  }

  private static void requireFours(int in) {
    if (in % 4 != 0) {
      throw new IllegalArgumentException(
          "2:4 needs a number of inputs that is a multiple of 4, not %d".formatted(in));
    }
  }

  private static long rows(long out) {
    return (out + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
  }

  private static int columns(int in) {
    return (int) ((in + TILE_COLUMNS - 1L) / TILE_COLUMNS * TILE_COLUMNS);
  }

  private static long valuesBytes(long out, int in, DType dtype) {
    return Math.multiplyExact(rows(out), columns(in) / 2L * dtype.bytes());
  }

  private static long positionsBytes(long out, int in) {
    return Math.multiplyExact(
        rows(out) / TILE_ROWS, (long) columns(in) / TILE_COLUMNS * TILE_BYTES);
  }

  /** Gives where the 16 bits stand that hold those of a four. */
  private int place(long row, int four) {
    int column = 4 * four;
    int tile = (int) (row / TILE_ROWS) * (columns(in) / TILE_COLUMNS) + column / TILE_COLUMNS;
    int word = (int) (row % 8) * 2 + column % TILE_COLUMNS / 16;
    return tile * TILE_BYTES + word * Integer.BYTES + (int) (row % TILE_ROWS / 8) * Short.BYTES;
  }

  private int code(long row, int four) {
    return (positions.getShort(place(row, four)) >>> (four % 4 * 4)) & 15;
  }

  @Override
  public Format format() {
    return Format.TWO_FOUR;
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

  /** Gives how many values a row takes. */
  public int storedColumns() {
    return columns(in) / 2;
  }

  @Override
  public List<Part> parts() {
    return List.of(
        new Part("values", dtype.name(), Shape.of(rows(out), storedColumns()), values),
        new Part(
            "positions",
            "U32",
            Shape.of(rows(out) / TILE_ROWS, columns(in) / TILE_COLUMNS, 8, 2),
            positions));
  }

  @Override
  public void row(long row, ByteBuffer into) {
    int[] stored = new int[storedColumns()];
    Rows.get(values, (int) row * stored.length, dtype, stored, stored.length);
    int[] dense = new int[columns(in)];
    for (int first = 0; first < dense.length; first += 4 * FOURS) {
      int codes = positions.getShort(place(row, first / 4)) & 0xFFFF;
      for (int i = 0; i < FOURS; i++) {
        int at = first + 4 * i;
        int code = codes >>> (4 * i);
        dense[at + (code & 3)] = stored[at / 2];
        dense[at + (code >>> 2 & 3)] = stored[at / 2 + 1];
      }
    }
    Rows.put(into.slice(into.position(), in * dtype.bytes()), 0, dtype, dense, in);
  }
}
