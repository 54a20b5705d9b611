package dev.coppice.cuda;

import dev.coppice.NanPolicy;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.ToLongBiFunction;

/**
 * Prunes what one kernel decides by itself, groups or rows: each weight is read and written once,
 * and no batch waits for another.
 */
final class OnePass {
  /** Puts the kernel for some slices into the call's stream. */
  @FunctionalInterface
  interface Launcher {
    void launch(DeviceCall call, Tables tables, Tables.Launch slices);
  }

  /**
   * How parts are worked on.
   *
   * @param cut gives the parts when none that is brought to the device may exceed so many bytes
   * @param tilesOf gives the tiles of a part whose slice begins at that address
   * @param whole whether a part is all that a NaN keeps from being pruned
   */
  record Work(
      IntFunction<List<Part>> cut,
      ToLongBiFunction<Part, Long> tilesOf,
      Launcher launcher,
      boolean whole) {}

  private final CudaDevice device;
  private final PruneTask task;
  private final Execution execution;
  private final Results results;
  private final PendingCalls calls;

  OnePass(
      CudaDevice device, PruneTask task, Execution execution, Results results, PendingCalls calls) {
    this.calls = calls;
    this.device = device;
    this.task = task;
    this.execution = execution;
    this.results = results;
  }

  /** Does the work; the device holds two chunks at a time. */
  void run(Work work) throws IOException {
    Slots.attemptInTurn(
        device,
        room -> {
          DeviceCall call = new DeviceCall(device, execution);
          boolean pending = false;
          try {
            Slots slots = Slots.allocate(call, work.cut().apply(room.chunk()), room);
            Tables tables = begin(work, call, slots);
            pending = slots.memories().isEmpty();
            if (pending) {
              calls.add(call, () -> complete(work, tables));
            } else {
              call.drain();
              complete(work, tables);
            }
          } finally {
            if (!pending) {
              call.close();
            }
          }
        });
  }

  private Tables begin(Work work, DeviceCall call, Slots slots) throws IOException {
    int tensors = task.weights().size();
    Tables tables = new Tables(call, List.of(), tensors, slots.parts().size());
    Tables.Kinds kinds = p -> Tables.Kind.of(p.weights().dtype(), false, task.criterion());
    List<Tables.Launch> launches = new ArrayList<>();
    for (int b = 0; b < slots.batches().size(); b++) {
      Batch batch = slots.batches().get(b);
      launches.add(tables.add(slots, batch.from(), batch.to(), b, kinds, work.tilesOf()));
    }
    tables.upload();
    Conveyor.Launch launch = b -> work.launcher().launch(call, tables, launches.get(b));
    Conveyor.run(call, slots, new Conveyor.Work(true, launch, true));
    tables.download();
    return tables;
  }

  private void complete(Work work, Tables tables) {
    for (int t = 0; t < task.weights().size(); t++) {
      results.add(t, tables.result(t));
    }
    for (int t = 0; t < task.weights().size() && task.nan() == NanPolicy.REFUSE; t++) {
      Results.refuseNan(task.weights().get(t).name(), tables.firstNan(t), !work.whole());
    }
    tables.requireNotRefused();
  }
}
