package dev.coppice.spi;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongConsumer;

/**
 * Brings slices to the kernels and back: in place where the tensor's memory can be shared, through
 * the thread's own buffer otherwise. Keeps the time, the progress and the order to stop.
 */
final class SliceLoop {
  /** What is done to a slice; says whether it was changed. */
  @FunctionalInterface
  interface Action {
    boolean run(long index, Region region, Slice slice, WorkPool.Worker worker);
  }

  private final Execution execution;
  private final Function<Weights, Ranking> rankings;

  SliceLoop(Execution execution, Function<Weights, Ranking> rankings) {
    this.execution = execution;
    this.rankings = rankings;
  }

  /** Runs the action on every region, several at a time, begun in their order. */
  void forEach(Regions regions, Action action) throws IOException {
    forEach(regions, index -> {}, action);
  }

  /** Does that, and tells {@code onFailure} the index of one that fails, as soon as it does. */
  void forEach(Regions regions, LongConsumer onFailure, Action action) throws IOException {
    execution.forEach(
        regions.count(),
        (index, worker) -> {
          boolean done = false;
          try {
            execution.checkCancelled();
            Region region = regions.at().apply(index);
            run(index, region, worker, action);
            execution.progress().advance(region.bytes());
            done = true;
          } finally {
            if (!done) {
              onFailure.accept(index);
            }
          }
        });
  }

  private void run(long index, Region region, WorkPool.Worker worker, Action action)
      throws IOException {
    Optional<ByteBuffer> view =
        region.isContiguous()
            ? region.weights().view(region.first(), region.elements())
            : Optional.empty();
    long begin = System.nanoTime();
    ByteBuffer data = view.isPresent() ? view.get() : load(region, worker);
    long loaded = System.nanoTime();
    boolean changed = action.run(index, region, slice(region, data), worker);
    long done = System.nanoTime();
    if (view.isEmpty() && changed) {
      region.store(data);
    }
    execution.readNanos.add(loaded - begin);
    execution.pruneNanos.add(done - loaded);
    execution.writeNanos.add(System.nanoTime() - done);
  }

  private Slice slice(Region region, ByteBuffer data) {
    return new Slice(
        data,
        region.weights().dtype(),
        rankings.apply(region.weights()),
        region.first(),
        region.runs(),
        region.runLength(),
        region.stride());
  }

  private static ByteBuffer load(Region region, WorkPool.Worker worker) throws IOException {
    ByteBuffer data = worker.buffer(region.bytes());
    region.load(data);
    return data;
  }
}
