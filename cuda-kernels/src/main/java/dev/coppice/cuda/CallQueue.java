package dev.coppice.cuda;

import dev.coppice.ProgressListener;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.WeightsResult;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.lang.ref.Reference;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import jcuda.driver.JCudaDriver;

/**
 * What is put into one stream without being waited for, with all that it holds, and the masks that
 * are made there. It owns its device. Safe for use by several threads.
 */
final class CallQueue implements AutoCloseable {
  /** Does nothing when the device is done but be there until then. */
  private record Kept(Object what) implements Runnable {
    @Override
    public void run() {}
  }

  private final CudaDevice device;
  private final Optional<CudaStream> own;
  private final long stream;
  private final PendingCalls begun = new PendingCalls();
  private final Set<CudaMask> masks = Collections.newSetFromMap(new WeakHashMap<>());
  private boolean closed;

  /** Makes a queue for that stream, or for one of its own. */
  CallQueue(CudaDevice device, OptionalLong stream) {
    this.device = device;
    this.own =
        stream.isPresent()
            ? Optional.empty()
            : Optional.of(device.context().call(() -> new CudaStream(device.context())));
    this.stream = own.map(s -> RawStream.handle(s.stream())).orElseGet(stream::orElseThrow);
  }

  CudaDevice device() {
    return device;
  }

  /** Gives an execution whose work goes into the stream. */
  synchronized Execution execution() {
    if (closed) {
      throw new IllegalStateException("the pruner is closed");
    }
    return new Execution(
        WorkPool.shared(),
        1,
        Execution.SLICE_BYTES,
        () -> false,
        ProgressListener.NONE,
        OptionalLong.of(stream));
  }

  /**
   * Puts work into the stream.
   *
   * @param kept stays reachable until the device has done it
   */
  synchronized void begin(Consumer<DeviceCall> body, Object kept) {
    Execution execution = execution();
    device
        .context()
        .run(
            () -> {
              begun.giveBackDone();
              DeviceCall call = new DeviceCall(device, execution);
              boolean added = false;
              try {
                body.accept(call);
                added = true;
                begun.add(call, new Kept(kept));
              } finally {
                if (!added) {
                  call.close();
                }
              }
            });
  }

  /**
   * Runs work that waits for the stream itself.
   *
   * @param kept stays reachable until then
   */
  synchronized <T> T waited(Function<DeviceCall, T> body, Object kept) {
    Execution execution = execution();
    return device
        .context()
        .call(
            () -> {
              try (DeviceCall call = new DeviceCall(device, execution)) {
                return body.apply(call);
              } finally {
                Reference.reachabilityFence(kept);
              }
            });
  }

  /** Prunes, and waits for it: {@link #close} waits too. */
  synchronized List<WeightsResult> prune(CudaBackend backend, PruneTask task) throws IOException {
    return backend.prune(task, execution());
  }

  /** Gives a mask that the body fills in. */
  CudaMask made(long size, BiConsumer<CudaMask, DeviceCall> body) {
    CudaMask mask = allocated(size);
    boolean filled = false;
    try {
      begin(call -> body.accept(mask, call), List.of(mask, body));
      filled = true;
      return mask;
    } finally {
      if (!filled) {
        mask.close();
      }
    }
  }

  private synchronized CudaMask allocated(long size) {
    execution(); // Refuses to go on after it was closed.
    CudaMask mask = device.context().call(() -> new CudaMask(this, size));
    masks.add(mask);
    return mask;
  }

  /** Gives memory back once the stream is done with it. */
  synchronized void giveBack(DeviceMemory memory) {
    if (CudaResult.isLost()) {
      device.arena().giveBack(memory);
    } else {
      device.context().run(() -> giveBackAfterStream(memory));
    }
  }

  private void giveBackAfterStream(DeviceMemory memory) {
    try {
      CudaResult.run(
          "cuStreamSynchronize", () -> JCudaDriver.cuStreamSynchronize(RawStream.of(stream)));
    } finally {
      device.arena().giveBack(memory);
    }
  }

  /** Waits for the stream, closes the masks and the device; idempotent. */
  @Override
  public void close() {
    List<CudaMask> open;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      open = List.copyOf(masks);
    }
    try (device) {
      begun.closeIn(device.context());
      open.forEach(CudaMask::close);
      own.ifPresent(CudaStream::close);
    }
  }
}
