package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.Criterion;
import dev.coppice.DType;
import dev.coppice.spi.Philox;
import dev.coppice.spi.WeightsResult;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.ToLongBiFunction;

/**
 * The tables in device memory that the kernels of a call share: the structs of tables.cuh, field by
 * field. They are filled in pinned memory, copied up once, and their front is copied back at the
 * end.
 */
final class Tables {
  static final int SLICE_BYTES = 128;
  static final int SCOPE_BYTES = 96;
  static final int TALLY_BYTES = 40;
  static final int STATE_BYTES = 16;

  /** What a thread reads at a time. */
  static final int VECTOR_BYTES = 16;

  private static final int REFUSED_AT = 8;

  /** How the bits of a weight become its key: Form in tables.cuh. */
  enum Form {
    F32(0),
    HALF(1),
    F16_AS_F32(2);

    final int code;

    Form(int code) {
      this.code = code;
    }

    /** Gives the form in which weights of a type compete; {@code mixed}: with other types. */
    static Form of(DType dtype, boolean mixed) {
      return switch (dtype) {
        case F32 -> F32;
        case BF16 -> HALF;
        case F16 -> mixed ? F16_AS_F32 : HALF;
      };
    }

    int largest(DType dtype) {
      return this == HALF ? dtype.largestKey() << 16 : DType.F32.largestKey();
    }
  }

  /** What is asked of a scope. */
  record Ask(double fraction, long count, long elements) {
    static Ask of(Amount amount, long elements) {
      return amount instanceof Amount.Fraction f
          ? new Ask(f.value(), 0, elements)
          : new Ask(-1, ((Amount.Count) amount).value(), elements);
    }

    /** Throws if a count is asked for that exceeds so many weights. */
    void requireFits(long numbers) {
      if (fraction < 0) {
        new Amount.Count(count).of(numbers);
      }
    }
  }

  /** Slices that a launch works on: where they begin, how many they are, and their tiles. */
  record Launch(long slices, int count, long tiles) {}

  private final DeviceCall call;
  private final PinnedMemory pinned;
  private final DeviceMemory memory;
  private final ByteBuffer bytes;
  private final int scopesAt = 64;
  private final int talliesAt;
  private final int frontBytes;

  /** Makes tables for so many scopes, tensors and slices. */
  Tables(DeviceCall call, List<Ask> scopes, int tensors, int slices) {
    this.call = call;
    this.talliesAt = scopesAt + scopes.size() * SCOPE_BYTES;
    this.frontBytes = talliesAt + tensors * TALLY_BYTES;
    int slicesAt = (frontBytes + SLICE_BYTES - 1) / SLICE_BYTES * SLICE_BYTES;
    int size = Math.addExact(slicesAt, Math.multiplyExact(slices, SLICE_BYTES));
    this.pinned = call.pinned(size);
    this.memory = call.borrow(size);
    this.bytes = pinned.slice(0, size);
    bytes.put(0, new byte[slicesAt]);
    for (int s = 0; s < scopes.size(); s++) {
      bytes.position(scopesAt + s * SCOPE_BYTES);
      bytes.putDouble(scopes.get(s).fraction());
      bytes.putLong(scopes.get(s).count());
      bytes.putLong(scopes.get(s).elements());
    }
    for (int t = 0; t < tensors; t++) {
      bytes.putLong(talliesAt + t * TALLY_BYTES + 32, -1); // first_nan
    }
    bytes.position(slicesAt);
  }

  /** What a slice is besides its part. */
  record Kind(Form form, int largest, boolean random) {
    static Kind of(DType dtype, boolean mixed, Criterion criterion) {
      Form form = Form.of(dtype, mixed);
      return new Kind(form, form.largest(dtype), criterion instanceof Criterion.Random);
    }
  }

  /**
   * Adds the slices of the parts {@code from} to {@code to} as one launch.
   *
   * @param tilesOf gives the tiles of a part whose slice begins at that address
   */
  Launch add(
      Slots slots, int from, int to, int batch, Kinds kinds, ToLongBiFunction<Part, Long> tilesOf) {
    long address = memory.address() + bytes.position();
    long tiles = 0;
    for (int p = from; p < to; p++) {
      Part part = slots.parts().get(p);
      boolean begins = p == from || slots.parts().get(p - 1).scope() != part.scope();
      boolean ends = p == to - 1 || slots.parts().get(p + 1).scope() != part.scope();
      long at = slots.address(batch, p);
      put(
          part,
          at,
          kinds.of(part),
          tiles,
          (begins ? Headers.SCOPE_BEGINS : 0) | (ends ? Headers.SCOPE_ENDS : 0));
      tiles += tilesOf.applyAsLong(part, at);
    }
    return new Launch(address, to - from, tiles);
  }

  /** Gives the kind of a part's slice. */
  @FunctionalInterface
  interface Kinds {
    Kind of(Part part);
  }

  private void put(Part part, long address, Kind kind, long firstTile, int flags) {
    DType dtype = part.weights().dtype();
    Targets to = Targets.of(part.weights(), address);
    bytes.putLong(address).putLong(to.pruned()).putLong(to.scores()).putLong(to.mask());
    bytes.putLong(part.elements()).putLong(part.first()).putLong(part.run()).putLong(part.stride());
    bytes.putLong(kind.random() ? Philox.tensorId(part.weights().name()) : 0);
    bytes.putLong(firstTile).putLong(part.inner()).putLong(part.rows());
    bytes.putInt(lead(address, dtype)).putInt(kind.form().code).putInt(kind.largest());
    bytes.putInt(part.scope()).putInt(part.tensor()).putInt(flags);
    bytes.putInt(dtype.bytes()).putInt(part.together());
  }

  /** Gives the tiles that a slice is walked in. */
  static long tiles(Part part, long address) {
    long lead = Long.remainderUnsigned(address, VECTOR_BYTES);
    return (lead + part.bytes() + Headers.TILE_BYTES - 1) / Headers.TILE_BYTES;
  }

  /** Gives the elements from the 16-byte boundary at or before an address to it. */
  static int lead(long address, DType dtype) {
    return (int) Long.remainderUnsigned(address, VECTOR_BYTES) / dtype.bytes();
  }

  /** Lets the keys [low, high) of every scope be open; before {@link #upload}. */
  void open(long low, long high) {
    for (int at = scopesAt; at < talliesAt; at += SCOPE_BYTES) {
      bytes.putLong(at + 32, low).putLong(at + 40, high).putLong(at + 48, high > low ? 1 : 0);
    }
  }

  /** Copies everything up; nothing is added afterwards. */
  void upload() {
    memory.upload(pinned.at(0), 0, bytes.position(), call.stream());
  }

  /** Copies state, scopes and tallies back; there when the stream is done. */
  void download() {
    memory.download(pinned.at(0), 0, frontBytes, call.stream());
  }

  long state() {
    return memory.address();
  }

  long scopes() {
    return memory.address() + scopesAt;
  }

  long tallies() {
    return memory.address() + talliesAt;
  }

  /** Says whether the kernels refused to go on; after {@link #download}. */
  boolean isRefused() {
    return bytes.getInt(REFUSED_AT) != 0;
  }

  /** Throws if a row had fewer weights than the count that was asked of it. */
  void requireNotRefused() {
    if (isRefused()) {
      throw new IllegalArgumentException(
          "a count exceeds the weights of a row that are not NaN; ask for fewer");
    }
  }

  /** Gives how many weights of a scope are NaN; after {@link #download}. */
  long nans(int scope) {
    return bytes.getLong(scopesAt + scope * SCOPE_BYTES + 24);
  }

  /** Gives what was done to a tensor; after {@link #download}. */
  WeightsResult result(int tensor) {
    int at = talliesAt + tensor * TALLY_BYTES;
    return new WeightsResult(
        bytes.getLong(at), bytes.getLong(at + 8), bytes.getLong(at + 16), bytes.getLong(at + 24));
  }

  /** Gives the row-major index of a tensor's first NaN, or -1; after {@link #download}. */
  long firstNan(int tensor) {
    return bytes.getLong(talliesAt + tensor * TALLY_BYTES + 32);
  }
}
