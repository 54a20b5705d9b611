package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.NanPolicy;
import dev.coppice.cuda.ThresholdLaunches.Level;
import dev.coppice.cuda.ThresholdLaunches.Mode;
import dev.coppice.cuda.ThresholdLaunches.When;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Region;
import dev.coppice.spi.Regions;
import dev.coppice.spi.Weights;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Prunes scopes that do not fit a multiprocessor: counts keys, finds each scope's threshold on the
 * device, applies it. Nothing is read back in between as long as the weights fit the device's
 * memory; otherwise they are brought there once for each pass.
 */
final class ThresholdPrune {
  /** The counters of one call take at most this, as long as it prunes several scopes. */
  private static final long MOST_COUNTER_BYTES = 256L << 20;

  private static final int MOST_SCOPES =
      (int) (MOST_COUNTER_BYTES / (3L * Headers.COARSE_BINS * Long.BYTES));

  /** The list of open elements holds this share of all: Gaussian weights need a fifth of it. */
  private static final int LIST_SHARE = 64;

  private static final long SMALLEST_LIST = 1 << 12;

  /**
   * What is pruned in one go.
   *
   * @param tensors indices of the task's weights
   * @param scopes what is asked of each scope
   * @param together whether all tensors are one scope, or each is its own
   * @param mixed whether keys of different types are compared
   * @param row the row that is pruned of the only tensor, or -1: all of each
   */
  private record Round(
      List<Integer> tensors, List<Tables.Ask> scopes, boolean together, boolean mixed, long row) {
    Round part(int from, int to) {
      return new Round(tensors.subList(from, to), scopes.subList(from, to), together, mixed, row);
    }

    int scope(int tensor) {
      return together ? 0 : tensor;
    }
  }

  private final CudaDevice device;
  private final PruneTask task;
  private final Execution execution;
  private final Results results;
  private final PendingCalls calls;
  private final Kernels.Ranking ranking;

  ThresholdPrune(
      CudaDevice device, PruneTask task, Execution execution, Results results, PendingCalls calls) {
    this.calls = calls;
    this.device = device;
    this.task = task;
    this.execution = execution;
    this.results = results;
    this.ranking = Kernels.Ranking.of(task);
  }

  /** Prunes that amount of all these tensors together. */
  void together(List<Integer> tensors, Amount amount) throws IOException {
    long elements = tensors.stream().mapToLong(t -> weights(t).shape().elements()).sum();
    List<Tables.Ask> ask = List.of(Tables.Ask.of(amount, elements));
    Round round = new Round(tensors, ask, true, isMixed(tensors), -1);
    Slots.attempt(device, room -> prune(round, room));
  }

  /** Prunes that amount of every row of a tensor; for rows that are larger than a chunk. */
  void eachRow(int tensor, Amount amount) throws IOException {
    Weights w = weights(tensor);
    long rows = w.shape().dimension(w.axes().output());
    List<Tables.Ask> ask = List.of(Tables.Ask.of(amount, w.shape().elements() / rows));
    for (long row = 0; row < rows; row++) {
      Round round = new Round(List.of(tensor), ask, true, false, row);
      Slots.attempt(device, room -> prune(round, room));
    }
  }

  /** Prunes that amount of all, but no more than the share {@code cap} of each tensor. */
  void capped(List<Integer> tensors, Amount amount, double cap) throws IOException {
    CappedCounts counts = new CappedCounts(amount, cap);
    forParts(tensors, round -> Slots.attempt(device, room -> count(round, room, counts)));
    if (counts.narrow(ThresholdLaunches.shift(ranking))) {
      forParts(tensors, round -> Slots.attempt(device, room -> count(round, room, counts)));
    }
    each(tensors, counts.deal());
  }

  private interface RoundBody {
    void run(Round round) throws IOException;
  }

  /** Gives these tensors, each a scope, to the body in parts whose counters are not too many. */
  private void forParts(List<Integer> tensors, RoundBody body) throws IOException {
    List<Tables.Ask> asks =
        tensors.stream()
            .map(t -> Tables.Ask.of(new Amount.Count(0), weights(t).shape().elements()))
            .toList();
    Round all = new Round(tensors, asks, false, isMixed(tensors), -1);
    for (int from = 0; from < tensors.size(); from += MOST_SCOPES) {
      body.run(all.part(from, Math.min(from + MOST_SCOPES, tensors.size())));
    }
  }

  private boolean isMixed(List<Integer> tensors) {
    return tensors.stream().map(t -> weights(t).dtype()).distinct().count() > 1;
  }

  /** Prunes that amount of each of these tensors. */
  void each(List<Integer> tensors, List<Amount> amounts) throws IOException {
    List<Integer> decidedAtOnce = new ArrayList<>();
    List<Integer> others = new ArrayList<>();
    for (int i = 0; i < tensors.size(); i++) {
      boolean atOnce = isMagnitude() && weights(tensors.get(i)).dtype() != DType.F32;
      (atOnce ? decidedAtOnce : others).add(i);
    }
    for (List<Integer> alike : List.of(decidedAtOnce, others)) {
      List<Tables.Ask> asks = new ArrayList<>();
      for (int i : alike) {
        long elements = weights(tensors.get(i)).shape().elements();
        asks.add(Tables.Ask.of(amounts.get(i), elements));
      }
      Round round = new Round(alike.stream().map(tensors::get).toList(), asks, false, false, -1);
      for (int from = 0; from < alike.size(); from += MOST_SCOPES) {
        pruneEach(round.part(from, Math.min(from + MOST_SCOPES, alike.size())));
      }
    }
  }

  /** Prunes a round, or its halves one after the other where the device has too little memory. */
  private void pruneEach(Round round) throws IOException {
    int count = round.tensors().size();
    try {
      prune(round, Slots.Room.all(device));
    } catch (DeviceOutOfMemoryException e) {
      if (count == 1) {
        Slots.attemptInTurn(device, room -> prune(round, room));
      } else {
        pruneEach(round.part(0, count / 2));
        pruneEach(round.part(count / 2, count));
      }
    }
  }

  private boolean isMagnitude() {
    return ranking == Kernels.Ranking.MAGNITUDE;
  }

  private Weights weights(int tensor) {
    return task.weights().get(tensor);
  }

  private void prune(Round round, Slots.Room room) throws IOException {
    DeviceCall call = new DeviceCall(device, execution);
    boolean pending = false;
    try {
      Pass pass = new Pass(call, round, room);
      pass.begin();
      pending = pass.isOnDevice();
      if (pending) {
        calls.add(call, pass::complete);
      } else {
        pass.complete();
      }
    } finally {
      if (!pending) {
        call.close();
      }
    }
  }

  /** Counts the keys of each tensor. */
  private void count(Round round, Slots.Room room, CappedCounts counts) throws IOException {
    try (DeviceCall call = new DeviceCall(device, execution)) {
      new Pass(call, round, room).count(counts);
    }
  }

  /** Gives the parts of a round's tensors when none that is brought up may exceed so many bytes. */
  private List<Part> parts(Round round, int chunk) {
    List<Part> parts = new ArrayList<>();
    for (int t = 0; t < round.tensors().size(); t++) {
      Weights w = weights(round.tensors().get(t));
      if (w.onDevice().isPresent()) {
        parts.add(Part.whole(w, t, round.scope(t)));
      } else {
        Regions regions =
            round.row() < 0 ? Regions.of(w, chunk) : Regions.ofRow(w, round.row(), chunk);
        for (long r = 0; r < regions.count(); r++) {
          Region region = regions.at().apply(r);
          parts.add(Part.of(region, t, round.scope(t)));
        }
      }
    }
    return parts;
  }

  /** One round with its memory. */
  private final class Pass {
    private final DeviceCall call;
    private final Round round;
    private final Slots slots;
    private final Tables tables;
    private final Tables.Launch whole;
    private final List<Tables.Launch> launches = new ArrayList<>();
    private final ThresholdLaunches kernels;
    private final DeviceMemory status;
    private final boolean exact;

    Pass(DeviceCall call, Round round, Slots.Room room) {
      this.call = call;
      this.round = round;
      List<Part> parts = parts(round, room.chunk());
      this.slots = Slots.allocate(call, parts, room);
      int batches = slots.batches().size();
      this.tables = new Tables(call, round.scopes(), round.tensors().size(), 2 * parts.size());
      Tables.Kinds kinds =
          p -> Tables.Kind.of(p.weights().dtype(), round.mixed(), task.criterion());
      for (int b = 0; b < batches; b++) {
        Batch batch = slots.batches().get(b);
        launches.add(tables.add(slots, batch.from(), batch.to(), b, kinds, Tables::tiles));
      }
      this.whole =
          batches == 1 || !slots.isResident()
              ? launches.get(0)
              : tables.add(slots, 0, parts.size(), 0, kinds, Tables::tiles);
      this.exact =
          isMagnitude() && parts.stream().allMatch(p -> kinds.of(p).form() == Tables.Form.HALF);
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
    void complete() {
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
          Results.refuseNan(weights(round.tensors().get(t)).name(), tables.firstNan(t), false);
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
        Results.refuseNan(weights(round.tensors().get(t)).name(), tables.firstNan(t), false);
      }
      for (int s = 0; s < round.scopes().size(); s++) {
        Tables.Ask ask = round.scopes().get(s);
        ask.requireFits(ask.elements() - tables.nans(s));
      }
      throw new IllegalStateException("the kernels refused weights that are all numbers");
    }
  }
}
