package dev.coppice.cuda;

import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.spi.Closing;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import jcuda.driver.CUstream;

/**
 * What one call holds of the device: a stream, memory, lanes, events. All of it is given back when
 * the call is closed; where the call failed, after the device has done all that was begun.
 */
final class DeviceCall implements AutoCloseable {
  /** More lanes than this do not make copies faster. */
  private static final int MOST_LANES = 8;

  private final CudaDevice device;
  private final Execution execution;
  private final CUstream stream;
  private final Optional<CudaStream> own;
  private final List<DeviceMemory> memories = new ArrayList<>();
  private final List<CudaEvent> events = new ArrayList<>();
  private final List<PinnedMemory> pinned = new ArrayList<>();
  private final BlockingQueue<Lane> lanes = new ArrayBlockingQueue<>(MOST_LANES);
  private Optional<CudaEvent> end = Optional.empty();
  private final LaunchBlock launchBlock;
  private int lanesHeld;
  private boolean finished = true;

  /** Begins a call in the execution's stream, or in one of its own. */
  DeviceCall(CudaDevice device, Execution execution) {
    this.device = device;
    this.execution = execution;
    this.launchBlock = device.launchBlocks().borrow(LaunchBlock::new);
    this.own =
        execution.stream().isPresent()
            ? Optional.empty()
            : Optional.of(device.streams().borrow(() -> new CudaStream(device.context())));
    this.stream =
        own.map(CudaStream::stream).orElseGet(() -> RawStream.of(execution.stream().getAsLong()));
  }

  CudaDevice device() {
    return device;
  }

  Execution execution() {
    return execution;
  }

  /** Gives the stream that the call's kernels run in. */
  CUstream stream() {
    return stream;
  }

  /** Gives the memory that kernels' structs are put in. */
  LaunchBlock launchBlock() {
    return launchBlock;
  }

  /** Launches a kernel with what was put into the launch block. */
  void launch(Kernel kernel, long blocks, int shared) {
    begin();
    launchBlock.launch(kernel, blocks, shared, stream);
  }

  /** Borrows device memory until the call is closed. */
  DeviceMemory borrow(long bytes) {
    DeviceMemory memory = device.arena().borrow(bytes);
    memories.add(memory);
    return memory;
  }

  /** Gives memory back that nothing was done with yet. */
  void giveBack(DeviceMemory memory) {
    memories.remove(memory);
    device.arena().giveBack(memory);
  }

  /** Borrows events until the call is closed. */
  List<CudaEvent> events(int count) {
    List<CudaEvent> made = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      CudaEvent event = device.events().borrow(() -> new CudaEvent(device.context()));
      events.add(event);
      made.add(event);
    }
    return made;
  }

  /** Borrows pinned memory until the call is closed. */
  PinnedMemory pinned(int bytes) {
    PinnedMemory memory =
        device
            .pinned()
            .borrow(m -> m.size() >= bytes, () -> new PinnedMemory(device.context(), bytes));
    pinned.add(memory);
    return memory;
  }

  /**
   * Borrows a lane for each thread that the call may use, as many as there is pinned memory for.
   *
   * @throws DeviceOutOfMemoryException if there is none for even one
   */
  void openLanes() {
    int wanted = Math.min(execution.threads(), MOST_LANES);
    try {
      while (lanesHeld < wanted) {
        lanes.add(
            device.lanes().borrow(() -> Lane.open(device.context(), device.settings().staging())));
        lanesHeld++;
      }
    } catch (DeviceOutOfMemoryException e) {
      if (lanesHeld == 0) {
        throw e;
      }
    }
  }

  /** Gives the number of lanes. */
  int lanes() {
    return lanesHeld;
  }

  /** What a thread does with a lane. */
  @FunctionalInterface
  interface OnLane {
    void run(Lane lane) throws IOException;
  }

  /** Runs that on a lane of its own, with the context current; no more threads than lanes call. */
  void onLane(OnLane body) throws IOException {
    Lane lane = lanes.remove();
    try {
      device
          .context()
          .<Boolean, IOException>call(
              () -> {
                body.run(lane);
                return true;
              });
    } finally {
      lanes.add(lane);
    }
  }

  /** Marks the point that {@link #await} waits for: the end of what is in the stream by now. */
  void mark() {
    CudaEvent event = end.orElseGet(() -> events(1).get(0));
    end = Optional.of(event);
    event.record(stream);
  }

  /** Says whether the device has passed the mark. */
  boolean isDone() {
    return end.orElseThrow().isPassed();
  }

  /** Waits until the device has passed the mark; nothing was put into the stream after it. */
  void await() {
    long begin = System.nanoTime();
    end.orElseThrow().await();
    execution.pruneNanos.add((System.nanoTime() - begin) * execution.threads());
    finished = true;
  }

  /** Waits for all that was put into the stream. */
  void drain() {
    mark();
    await();
  }

  /** Says that something more is put into the stream. */
  void begin() {
    finished = false;
  }

  @Override
  public void close() {
    List<Runnable> closes = new ArrayList<>();
    if (!finished && !CudaResult.isLost()) {
      closes.add(device.context()::synchronize);
    }
    events.forEach(e -> closes.add(() -> device.events().giveBack(e)));
    memories.forEach(m -> closes.add(() -> device.arena().giveBack(m)));
    pinned.forEach(m -> closes.add(() -> device.pinned().giveBack(m)));
    lanes.forEach(l -> closes.add(() -> device.lanes().giveBack(l)));
    closes.add(() -> device.launchBlocks().giveBack(launchBlock));
    own.ifPresent(s -> closes.add(() -> device.streams().giveBack(s)));
    Closing.all(closes);
  }
}
