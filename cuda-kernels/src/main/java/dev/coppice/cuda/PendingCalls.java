package dev.coppice.cuda;

import dev.coppice.NanWeightsException;
import dev.coppice.spi.Closing;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * What one task has put into streams and not yet waited for, in order. For one thread at a time;
 * its methods are called with the context current.
 */
final class PendingCalls implements AutoCloseable {
  /** A call and what follows when the device has done it. */
  private record Begun(DeviceCall call, Runnable complete) {}

  private final Deque<Begun> calls = new ArrayDeque<>();

  /** Takes over a call all of whose work is in its stream, also if it throws. */
  void add(DeviceCall call, Runnable complete) {
    boolean marked = false;
    try {
      call.mark();
      marked = true;
    } finally {
      if (!marked) {
        call.close();
      }
    }
    calls.add(new Begun(call, complete));
  }

  /** Says whether the device has done everything. */
  boolean isDone() {
    return calls.stream().allMatch(b -> b.call().isDone());
  }

  boolean isEmpty() {
    return calls.isEmpty();
  }

  /** Does {@link #close} with the context current; after the device was lost without it. */
  void closeIn(CudaContext context) {
    if (CudaResult.isLost()) {
      close();
    } else {
      context.run(this::close);
    }
  }

  /** Completes what the device has done, from the first call on. */
  void giveBackDone() {
    while (!calls.isEmpty() && calls.element().call().isDone()) {
      completeFirst();
    }
  }

  /** Waits for everything; the first NaN that is refused is thrown when all others are through. */
  void complete() {
    NanWeightsException refused = null;
    while (!calls.isEmpty()) {
      try {
        completeFirst();
      } catch (NanWeightsException e) {
        refused = refused == null ? e : refused;
      }
    }
    if (refused != null) {
      throw refused;
    }
  }

  private void completeFirst() {
    Begun first = calls.remove();
    try (DeviceCall call = first.call()) {
      call.await();
      first.complete().run();
    }
  }

  /** Waits for what was not completed, and gives its memory back. */
  @Override
  public void close() {
    List<Runnable> closes = calls.stream().<Runnable>map(b -> b.call()::close).toList();
    calls.clear();
    Closing.all(closes);
  }
}
