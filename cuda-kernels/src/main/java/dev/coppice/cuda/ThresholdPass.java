package dev.coppice.cuda;

import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.NanPolicy;
import dev.coppice.cuda.ThresholdLaunches.Level;
import dev.coppice.cuda.ThresholdLaunches.Mode;
import dev.coppice.cuda.ThresholdLaunches.When;
import dev.coppice.spi.PruneTask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** One round with its memory. */
final class ThresholdPass {
  /** The list of open elements holds this share of all: Gaussian weights need a fifth of it. */
  private static final int LIST_SHARE = 64;

  private static final long SMALLEST_LIST = 1 << 12;

  private final DeviceCall call;
  private final PruneTask task;
  private final ThresholdRound round;
  private final Slots slots;
  private final Tables tables;
  private final Tables.Launch whole;
  private final List<Tables.Launch> launches = new ArrayList<>();
  private final ThresholdLaunches kernels;
  private final DeviceMemory status;
  private final boolean exact;

  ThresholdPass(DeviceCall call, PruneTask task, ThresholdRound round, Slots.Room room) {
    this.call = call;
    this.task = task;
    this.round = round;
    List<Part> parts = round.parts(task, room.chunk());
    this.slots = Slots.allocate(call, parts, room);
    int batches = slots.batches().size();
    this.tables = new Tables(call, round.scopes(), round.tensors().size(), 2 * parts.size());
    Tables.Kinds kinds = p -> Tables.Kind.of(p.weights().dtype(), round.mixed(), task.criterion());
    for (int b = 0; b < batches; b++) {
      Batch batch = slots.batches().get(b);
      launches.add(tables.add(slots, batch.from(), batch.to(), b, kinds, Tables::tiles));
    }
    this.whole =
        batches == 1 || !slots.isResident()
            ? launches.get(0)
            : tables.add(slots, 0, parts.size(), 0, kinds, Tables::tiles);
    Kernels.Ranking ranking = Kernels.Ranking.of(task);
    this.exact = round.isExact(task);
    this.kernels =
        new ThresholdLaunches(call, tables, ranking, exact, round.scopes().size(), task.seed());
    long tiles = launches.stream().mapToLong(Tables.Launch::tiles).max().orElse(0);
    this.status = call.borrow(ThresholdLaunches.statusBytes(Math.max(tiles, whole.tiles())));
  }

  /** Says whether all weights lie on the device: then nothing was waited for. */
  boolean isOnDevice() {
    return slots.memories().isEmpty();
  }

  void begin() throws IOException {
    tables.upload();
    kernels.clear();
    if (slots.isResident()) {
      resident();
    } else {
      inTurn();
    }
  }

  /** Takes the results, or throws why there are none. */
  void complete(Results results) {
    requireNotRefused();
    for (int t = 0; t < round.tensors().size(); t++) {
      results.add(round.tensors().get(t), tables.result(t));
    }
  }

  /** Counts the keys of each tensor, those that are open by now if any are. */
  void count(CappedCounts counts) throws IOException {
    Level level = counts.isNarrowed() ? Level.FINE : Level.COARSE;
    tables.open(counts.low(), counts.high());
    tables.upload();
    kernels.clear();
    convey(true, b -> kernels.histogram(launches.get(b), level, When.ALWAYS), false);
    tables.download();
    call.drain();
    for (int t = 0; t < round.tensors().size(); t++) {
      if (task.nan() == NanPolicy.REFUSE) {
        Results.refuseNan(name(t), tables.firstNan(t), false);
      }
      long numbers = round.scopes().get(t).elements() - tables.nans(t);
      counts.add(numbers, kernels.counts(level, t));
    }
  }

  private void resident() throws IOException {
    // Borrowed before anything is written.
    long capacity = exact ? 0 : Math.max(SMALLEST_LIST, elements() / LIST_SHARE);
    List<DeviceMemory> list = exact ? List.of() : list(capacity);
    convey(true, b -> kernels.histogram(launches.get(b), Level.COARSE, When.ALWAYS), false);
    kernels.threshold(Level.COARSE, list.isEmpty() ? 0 : capacity, task.nan());
    if (exact) {
      kernels.apply(whole, Mode.EXACT, When.ALWAYS, status, 0);
    } else {
      refine(list, capacity);
    }
    tables.download();
    if (!isOnDevice()) {
      call.drain();
      requireNotRefused();
      convey(false, b -> {}, true);
    }
  }

  /** Borrows the list and what its tiles need; nothing where the device has too little memory. */
  private List<DeviceMemory> list(long capacity) {
    try {
      DeviceMemory tiles = call.borrow(ThresholdLaunches.refineStatusBytes(capacity));
      return List.of(call.borrow(capacity * ThresholdLaunches.OPEN_BYTES), tiles);
    } catch (DeviceOutOfMemoryException e) {
      return List.of();
    }
  }

  private void refine(List<DeviceMemory> list, long capacity) {
    if (!list.isEmpty()) {
      kernels.apply(whole, Mode.COLLECT, When.LISTED, status, list.get(0).address());
      kernels.refineCount(whole, list.get(0), capacity);
    }
    kernels.histogram(whole, Level.FINE, When.SWEPT);
    kernels.threshold(Level.FINE, 0, task.nan());
    if (!list.isEmpty()) {
      kernels.refineApply(whole, list.get(0), list.get(1), capacity);
    }
    kernels.apply(whole, Mode.EXACT, When.SWEPT, status, 0);
  }

  /** Brings the weights up once for each pass over them. */
  private void inTurn() throws IOException {
    convey(true, b -> kernels.histogram(launches.get(b), Level.COARSE, When.ALWAYS), false);
    kernels.threshold(Level.COARSE, 0, task.nan());
    tables.download();
    call.drain();
    requireNotRefused();
    if (!exact) {
      convey(true, b -> kernels.histogram(launches.get(b), Level.FINE, When.SWEPT), false);
      kernels.threshold(Level.FINE, 0, task.nan());
    }
    convey(true, b -> kernels.apply(launches.get(b), Mode.EXACT, When.ALWAYS, status, 0), true);
    tables.download();
    call.drain();
  }

  private String name(int tensor) {
    return task.weights().get(round.tensors().get(tensor)).name();
  }

  private long elements() {
    return round.scopes().stream().mapToLong(Tables.Ask::elements).sum();
  }

  private void convey(boolean up, Conveyor.Launch launch, boolean down) throws IOException {
    Conveyor.run(call, slots, new Conveyor.Work(up, launch, down));
  }

  /** Throws if the kernels refused to change anything. */
  private void requireNotRefused() {
    if (!tables.isRefused()) {
      return;
    }
    for (int t = 0; t < round.tensors().size() && task.nan() == NanPolicy.REFUSE; t++) {
      Results.refuseNan(name(t), tables.firstNan(t), false);
    }
    for (int s = 0; s < round.scopes().size(); s++) {
      Tables.Ask ask = round.scopes().get(s);
      ask.requireFits(ask.elements() - tables.nans(s));
    }
    throw new IllegalStateException("the kernels refused weights that are all numbers");
  }
}
