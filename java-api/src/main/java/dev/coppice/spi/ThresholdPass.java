package dev.coppice.spi;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.InvalidPlanException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Prunes a scope that is larger than a slice: finds its threshold, then applies it. */
final class ThresholdPass {
  private static final long NO_CAP = Long.MAX_VALUE;

  private final SliceKernels kernels;
  private final Execution execution;
  private final PruneTask task;
  private final ResultSums sums;
  private final List<Weights> weights;
  private final KeySpace keys;
  private final SliceLoop loop;

  /** Makes the passes over these weights of the task, which compete with each other. */
  ThresholdPass(
      SliceKernels kernels,
      Execution execution,
      PruneTask task,
      ResultSums sums,
      List<Weights> weights) {
    this.kernels = kernels;
    this.execution = execution;
    this.task = task;
    this.sums = sums;
    this.weights = weights;
    this.keys = KeySpace.of(task, weights);
    this.loop = new SliceLoop(execution, keys::ranking);
  }

  /** Prunes that amount of all elements. */
  void prune(Amount amount) throws IOException {
    List<ThresholdSearch.Group> groups = new ArrayList<>();
    for (DType type : DType.values()) {
      List<Weights> same = weights.stream().filter(w -> w.dtype() == type).toList();
      if (!same.isEmpty()) {
        groups.add(group(same, NO_CAP));
      }
    }
    execution.progress().expect(2 * SlicedBackend.bytes(weights));
    apply(regions(weights), search(groups).find(amount));
  }

  /** Prunes that amount of every row of the only tensor. */
  void pruneEachRow(Amount amount) throws IOException {
    Weights only = weights.get(0);
    long rows = only.shape().dimension(only.axes().output());
    long elements = only.shape().elements() / rows;
    execution.progress().expect(2 * SlicedBackend.bytes(weights));
    for (long row = 0; row < rows; row++) {
      Regions regions = Regions.ofRow(only, row, execution.sliceBytes());
      ThresholdSearch.Group group =
          new ThresholdSearch.Group(regions, only.dtype(), elements, NO_CAP);
      apply(regions, search(List.of(group)).find(amount));
    }
  }

  /** Prunes that amount of all elements, but no more than the share {@code cap} of any tensor. */
  void pruneCapped(Amount amount, double cap) throws IOException {
    long bytes = SlicedBackend.bytes(weights);
    execution.progress().expect(bytes);
    List<ThresholdSearch.Group> groups = new ArrayList<>();
    long numbers = 0;
    for (Weights w : weights) {
      ThresholdSearch.Group whole = group(List.of(w), NO_CAP);
      Counts counts = search(List.of(whole)).count(whole, new Window(0, 0, 1));
      long own = whole.elements() - counts.nans();
      groups.add(group(List.of(w), (long) Math.rint(cap * own)));
      numbers += own;
    }
    long k = amount.of(numbers);
    long most = groups.stream().mapToLong(ThresholdSearch.Group::cap).sum();
    if (k > most) {
      throw new InvalidPlanException(
          "max_per_tensor %s lets at most %d weights go, fewer than the %d that are asked for"
              .formatted(cap, most, k));
    }
    if (k == 0) {
      execution.progress().expect(bytes);
      apply(regions(weights), Threshold.NOTHING);
    } else {
      execution.progress().expect(2 * bytes);
      applyCapped(groups, k, search(groups).find(new Amount.Count(k)).key());
    }
  }

  /** Deals the ties that go out to the tensors: those with the last positions first. */
  private void applyCapped(List<ThresholdSearch.Group> groups, long k, long key)
      throws IOException {
    Counts[] counts = new Counts[groups.size()];
    long ties = k;
    for (int i = 0; i < counts.length; i++) {
      counts[i] =
          search(groups).count(groups.get(i), new Window(Math.min(key, keys.end() - 1), 0, 1));
      ties -= Math.min(counts[i].below(), groups.get(i).cap());
    }
    for (int i = counts.length - 1; i >= 0; i--) {
      long below = counts[i].below();
      long cap = groups.get(i).cap();
      if (below > cap) {
        new ThresholdPass(kernels, execution, task, sums, List.of(weights.get(i)))
            .prune(new Amount.Count(cap));
      } else {
        long all = counts[i].bin(0);
        long going = Math.min(ties, Math.min(all, cap - below));
        ties -= going;
        execution.progress().expect(SlicedBackend.bytes(List.of(weights.get(i))));
        apply(groups.get(i).regions(), new Threshold(key, all - going, all));
      }
    }
  }

  private ThresholdSearch search(List<ThresholdSearch.Group> groups) {
    return new ThresholdSearch(kernels, loop, execution, keys, task.nan(), groups);
  }

  private ThresholdSearch.Group group(List<Weights> same, long cap) {
    long elements = same.stream().mapToLong(w -> w.shape().elements()).sum();
    return new ThresholdSearch.Group(regions(same), same.get(0).dtype(), elements, cap);
  }

  private Regions regions(List<Weights> tensors) {
    return Regions.concat(
        tensors.stream().map(w -> Regions.of(w, execution.sliceBytes())).toList());
  }

  private void apply(Regions regions, Threshold threshold) throws IOException {
    TieLedger ledger = new TieLedger(threshold.kept());
    loop.forEach(
        regions,
        ledger::abandon,
        (index, region, slice, worker) -> {
          long key = keys.narrow(slice.dtype(), threshold.key());
          boolean exact =
              !keys.widens(slice.dtype()) || slice.dtype().widen((int) key) == threshold.key();
          long kept = kept(index, slice, key, exact, threshold, ledger);
          Tally tally = worker.tally();
          kernels.apply(slice, key, exact ? kept : Long.MAX_VALUE, tally);
          sums.add(region.weights(), tally);
          return true;
        });
  }

  /**
   * Gives how many of the slice's ties stay; where no key of its type is exactly the threshold it
   * has none.
   */
  private long kept(
      long index, Slice slice, long key, boolean exact, Threshold threshold, TieLedger ledger) {
    if (threshold.isPlain()) {
      return threshold.kept();
    }
    if (ledger.isEmpty()) {
      return 0;
    }
    return ledger.deal(index, exact ? count(slice, key) : 0);
  }

  private long count(Slice slice, long key) {
    Histogram histogram = execution.borrowHistogram();
    try {
      histogram.clear(1);
      kernels.histogram(slice, new Window(key, 0, 1), histogram);
      return Integer.toUnsignedLong(histogram.counts().get(0));
    } finally {
      execution.giveBack(histogram);
    }
  }
}
