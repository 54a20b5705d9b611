package dev.coppice.cuda;

import dev.coppice.NanPolicy;
import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.util.Optional;

/**
 * Puts the kernels of a threshold into a call's stream: histogram, threshold, apply, refine. The
 * structs are those of the .cuh files of these names, field by field.
 */
final class ThresholdLaunches {
  /** Level in histogram.cuh. */
  enum Level {
    COARSE(0),
    FINE(1);

    final int code;

    Level(int code) {
      this.code = code;
    }
  }

  /** Mode in apply.cuh. */
  enum Mode {
    COLLECT(0),
    EXACT(1);

    final int code;

    Mode(int code) {
      this.code = code;
    }
  }

  /** When in tables.cuh. */
  enum When {
    ALWAYS(0),
    LISTED(1),
    SWEPT(2);

    final int code;

    When(int code) {
      this.code = code;
    }
  }

  /** The bytes of a list's element. */
  static final int OPEN_BYTES = 16;

  private final DeviceCall call;
  private final Tables tables;
  private final Kernels.Ranking ranking;
  private final boolean exact;
  private final int scopes;
  private final long seed;
  private final DeviceMemory coarse;
  private final Optional<DeviceMemory> fine;
  private final DeviceMemory ticket;
  private Optional<PinnedMemory> reading = Optional.empty();

  ThresholdLaunches(
      DeviceCall call,
      Tables tables,
      Kernels.Ranking ranking,
      boolean exact,
      int scopes,
      long seed) {
    this.call = call;
    this.tables = tables;
    this.ranking = ranking;
    this.exact = exact;
    this.scopes = scopes;
    this.seed = seed;
    this.coarse = call.borrow(countersBytes(Level.COARSE));
    this.fine = exact ? Optional.empty() : Optional.of(call.borrow(countersBytes(Level.FINE)));
    this.ticket = call.borrow(Integer.BYTES);
  }

  /** Gives how many key bits a coarse bin leaves open. */
  static int shift(Kernels.Ranking ranking) {
    return ranking == Kernels.Ranking.PHILOX ? Headers.PHILOX_SHIFT : Headers.MAGNITUDE_SHIFT;
  }

  private int fineBins() {
    return 1 << shift(ranking);
  }

  private int bins(Level level) {
    return level == Level.COARSE ? Headers.COARSE_BINS : fineBins();
  }

  private long countersBytes(Level level) {
    return (long) scopes * bins(level) * Long.BYTES;
  }

  private DeviceMemory counts(Level level) {
    return level == Level.COARSE ? coarse : fine.orElseThrow();
  }

  /** Sets all counters to zero. */
  void clear() {
    coarse.clear(0, countersBytes(Level.COARSE), call.stream());
    fine.ifPresent(f -> f.clear(0, countersBytes(Level.FINE), call.stream()));
    ticket.clear(0, Integer.BYTES, call.stream());
  }

  /** Counts keys; on devices of small shared memory in several reads. */
  void histogram(Tables.Launch slices, Level level, When when) {
    Kernels kernels = call.device().kernels();
    Kernel kernel = kernels.histogram(ranking);
    int fitting = kernels.mostShared() / Integer.BYTES - Headers.ZERO_COUNTERS;
    int passes = (bins(level) + fitting - 1) / fitting;
    int each = (bins(level) + passes - 1) / passes;
    for (int first = 0; first < bins(level); first += each) {
      int counted = Math.min(each, bins(level) - first);
      int zeros = counted == Headers.COARSE_BINS ? Headers.ZERO_COUNTERS : 0;
      int shared = (counted + zeros) * Integer.BYTES;
      ByteBuffer p = call.launchBlock().begin();
      p.putLong(slices.slices()).putLong(tables.scopes()).putLong(tables.tallies());
      p.putLong(tables.state()).putLong(counts(level).address()).putLong(slices.tiles());
      p.putLong(seed).putInt(slices.count()).putInt(bins(level)).putInt(first).putInt(counted);
      p.putInt(level.code).putInt(when.code);
      call.launch(kernel, kernels.blocks(kernel, shared, slices.tiles()), shared);
    }
  }

  /** Reads a scope's counters back, and waits for them. */
  LongBuffer counts(Level level, int scope) {
    int bytes = bins(level) * Long.BYTES;
    PinnedMemory read = reading.orElseGet(() -> call.pinned(fineBins() * Long.BYTES));
    reading = Optional.of(read);
    counts(level).download(read.at(0), (long) scope * bytes, bytes, call.stream());
    call.drain();
    return read.slice(0, bytes).asLongBuffer();
  }

  /** Finds where the scopes are cut. {@code capacity} is the list's, in elements. */
  void threshold(Level level, long capacity, NanPolicy nan) {
    Kernel kernel = call.device().kernels().threshold();
    ByteBuffer p = call.launchBlock().begin();
    p.putLong(tables.scopes()).putLong(tables.state()).putLong(counts(level).address());
    p.putLong(ticket.address()).putLong(capacity).putInt(scopes).putInt(bins(level));
    p.putInt(shift(ranking)).putInt(level.code).putInt(When.ALWAYS.code);
    p.putInt(nan == NanPolicy.REFUSE ? 1 : 0).putInt(exact ? 1 : 0).putInt(0);
    call.launch(kernel, scopes, Headers.THRESHOLD_SHARED);
  }

  /** Gives the bytes that {@link #apply} needs for its tiles. */
  static long statusBytes(long tiles) {
    return (1 + tiles) * Long.BYTES;
  }

  /** Prunes what is decided; of what is open, ties are decided too, or all of it is listed. */
  void apply(Tables.Launch slices, Mode mode, When when, DeviceMemory status, long list) {
    Kernels kernels = call.device().kernels();
    Kernel kernel = kernels.apply(ranking);
    status.clear(0, statusBytes(slices.tiles()), call.stream());
    ByteBuffer p = call.launchBlock().begin();
    p.putLong(slices.slices()).putLong(tables.scopes()).putLong(tables.tallies());
    p.putLong(tables.state()).putLong(list).putLong(status.address()).putLong(slices.tiles());
    p.putLong(seed).putInt(slices.count()).putInt(mode.code).putInt(when.code).putInt(0);
    long blocks = kernels.blocks(kernel, Headers.APPLY_SHARED, slices.tiles());
    call.launch(kernel, blocks, Headers.APPLY_SHARED);
  }

  /** Gives the bytes that {@link #refineApply} needs for the tiles of a list. */
  static long refineStatusBytes(long capacity) {
    return statusBytes((capacity + Headers.REFINE_TILE - 1) / Headers.REFINE_TILE);
  }

  /** Counts the list's keys. */
  void refineCount(Tables.Launch slices, DeviceMemory list, long capacity) {
    refine(call.device().kernels().refineCount(), 0, slices, list, 0, capacity);
  }

  /** Decides the list's elements. */
  void refineApply(Tables.Launch slices, DeviceMemory list, DeviceMemory status, long capacity) {
    status.clear(0, refineStatusBytes(capacity), call.stream());
    Kernel kernel = call.device().kernels().refineApply();
    refine(kernel, Headers.REFINE_SHARED, slices, list, status.address(), capacity);
  }

  private void refine(
      Kernel kernel,
      int shared,
      Tables.Launch slices,
      DeviceMemory list,
      long status,
      long capacity) {
    ByteBuffer p = call.launchBlock().begin();
    p.putLong(list.address()).putLong(slices.slices()).putLong(tables.scopes());
    p.putLong(tables.tallies()).putLong(tables.state()).putLong(counts(Level.FINE).address());
    p.putLong(status).putInt(fineBins()).putInt(0);
    long tiles = (capacity + Headers.REFINE_TILE - 1) / Headers.REFINE_TILE;
    call.launch(kernel, call.device().kernels().blocks(kernel, shared, tiles), shared);
  }
}
