package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
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
    ThresholdRound round = new ThresholdRound(tensors, ask, true, isMixed(tensors), -1);
    Slots.attempt(device, room -> prune(round, room));
  }

  /** Prunes that amount of every row of a tensor; for rows that are larger than a chunk. */
  void eachRow(int tensor, Amount amount) throws IOException {
    Weights w = weights(tensor);
    long rows = w.shape().dimension(w.axes().output());
    List<Tables.Ask> ask = List.of(Tables.Ask.of(amount, w.shape().elements() / rows));
    for (long row = 0; row < rows; row++) {
      ThresholdRound round = new ThresholdRound(List.of(tensor), ask, true, false, row);
      Slots.attempt(device, room -> prune(round, room));
    }
  }

  /** Prunes that amount of all, but no more than the share {@code cap} of each tensor. */
  void capped(List<Integer> tensors, Amount amount, double cap) throws IOException {
    CappedCounts counts = new CappedCounts(amount, cap);
    List<Tables.Ask> asks =
        tensors.stream()
            .map(t -> Tables.Ask.of(new Amount.Count(0), weights(t).shape().elements()))
            .toList();
    ThresholdRound all = new ThresholdRound(tensors, asks, false, isMixed(tensors), -1);
    count(all, counts);
    if (!all.isExact(task) && counts.narrow(ThresholdLaunches.shift(ranking))) {
      count(all, counts);
    }
    each(tensors, counts.deal());
  }

  /** Counts the keys of each tensor, in parts whose counters are not too many. */
  private void count(ThresholdRound all, CappedCounts counts) throws IOException {
    int size = all.tensors().size();
    for (int from = 0; from < size; from += MOST_SCOPES) {
      ThresholdRound part = all.part(from, Math.min(from + MOST_SCOPES, size));
      Slots.attempt(device, room -> count(part, room, counts));
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
      ThresholdRound round =
          new ThresholdRound(alike.stream().map(tensors::get).toList(), asks, false, false, -1);
      for (int from = 0; from < alike.size(); from += MOST_SCOPES) {
        pruneEach(round.part(from, Math.min(from + MOST_SCOPES, alike.size())));
      }
    }
  }

  /** Prunes a round, or its halves one after the other where the device has too little memory. */
  private void pruneEach(ThresholdRound round) throws IOException {
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

  private void prune(ThresholdRound round, Slots.Room room) throws IOException {
    DeviceCall call = new DeviceCall(device, execution);
    boolean pending = false;
    try {
      ThresholdPass pass = new ThresholdPass(call, task, round, room);
      pass.begin();
      pending = pass.isOnDevice();
      if (pending) {
        calls.add(call, () -> pass.complete(results));
      } else {
        pass.complete(results);
      }
    } finally {
      if (!pending) {
        call.close();
      }
    }
  }

  private void count(ThresholdRound round, Slots.Room room, CappedCounts counts)
      throws IOException {
    try (DeviceCall call = new DeviceCall(device, execution)) {
      new ThresholdPass(call, task, round, room).count(counts);
    }
  }
}
