package dev.coppice.cuda;

import dev.coppice.spi.Execution;
import dev.coppice.spi.Region;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Brings batches to the device and back, each piece on one of the pool's threads, while the device
 * works on other batches. Steps are begun in an order in which each waits for earlier ones alone.
 */
final class Conveyor {
  /** Puts a batch's kernels into the call's stream. */
  @FunctionalInterface
  interface Launch {
    void run(int batch);
  }

  /** What happens to a batch: weights go up, kernels run, results come down. */
  record Work(boolean upload, Launch launch, boolean download) {}

  private record Step(int batch, boolean up, Region region, long offset) {}

  private final DeviceCall call;
  private final Slots slots;
  private final Work work;
  private final List<Step> steps = new ArrayList<>();
  private final int[] ups;
  private final int[] downs;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private int launched;
  private boolean failed;

  private Conveyor(DeviceCall call, Slots slots, Work work) {
    this.call = call;
    this.slots = slots;
    this.work = work;
    int batches = slots.batches().size();
    this.ups = new int[batches];
    this.downs = new int[batches];
    for (int b = 0; b < batches; b++) {
      List<Step> up = steps(b, true);
      ups[b] = work.upload() ? up.size() : 0;
      downs[b] = work.download() ? up.size() : 0;
      if (work.upload()) {
        steps.addAll(up);
      }
      if (work.download() && b > 0) {
        steps.addAll(steps(b - 1, false));
      }
    }
    if (work.download()) {
      steps.addAll(steps(batches - 1, false));
    }
  }

  private List<Step> steps(int batch, boolean up) {
    List<Step> made = new ArrayList<>();
    Batch parts = slots.batches().get(batch);
    for (int p = parts.from(); p < parts.to(); p++) {
      Part part = slots.parts().get(p);
      if (!part.isOnDevice()) {
        long offset = slots.offsets().get(p);
        for (Region region : part.pieces(call.device().settings().staging())) {
          made.add(new Step(batch, up, region, offset));
          offset += region.bytes();
        }
      }
    }
    return made;
  }

  /** Does the work on every batch and waits until all is brought back. */
  static void run(DeviceCall call, Slots slots, Work work) throws IOException {
    new Conveyor(call, slots, work).run();
  }

  private void run() throws IOException {
    launchReady();
    if (steps.isEmpty()) {
      return;
    }
    Execution execution = call.execution();
    execution.progress().expect(steps.stream().mapToLong(s -> s.region().bytes()).sum());
    execution.forEach(
        steps.size(),
        call.lanes(),
        (index, worker) -> {
          boolean done = false;
          try {
            execution.checkCancelled();
            Step step = steps.get((int) index);
            call.onLane(lane -> run(step, lane));
            execution.progress().advance(step.region().bytes());
            done = true;
          } finally {
            if (!done) {
              fail();
            }
          }
        });
  }

  private void run(Step step, Lane lane) throws IOException {
    int batch = step.batch();
    DeviceMemory memory = slots.memory(batch);
    long begin = System.nanoTime();
    if (step.up()) {
      int before = slots.before(batch);
      if (!await(() -> before < 0 || (launched > before && downs[before] == 0))) {
        return;
      }
      lane.upload(step.region(), memory, step.offset(), slots.doneWith(batch), call.stream());
      call.execution().readNanos.add(System.nanoTime() - begin);
      finish(ups, batch);
    } else {
      if (!await(() -> launched > batch)) {
        return;
      }
      lane.download(step.region(), memory, step.offset(), slots.doneWith(batch));
      call.execution().writeNanos.add(System.nanoTime() - begin);
      finish(downs, batch);
    }
  }

  private interface Readiness {
    boolean isThere();
  }

  /** Waits; where another step failed before, which says why by itself, gives false. */
  private boolean await(Readiness ready) {
    lock.lock();
    try {
      while (!ready.isThere() && !failed) {
        changed.awaitUninterruptibly();
      }
      return ready.isThere();
    } finally {
      lock.unlock();
    }
  }

  private void finish(int[] left, int batch) {
    lock.lock();
    try {
      left[batch]--;
      launchReady();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void fail() {
    lock.lock();
    try {
      failed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Launches what has come up, in order; under the lock, or before there are other threads. */
  private void launchReady() {
    while (launched < ups.length && ups[launched] == 0 && !failed) {
      work.launch().run(launched);
      slots.doneWith(launched).record(call.stream());
      launched++;
    }
  }
}
