package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.NanWeightsException;
import dev.coppice.spi.ChunkedSum;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Execution;
import dev.coppice.spi.Progress;
import dev.coppice.spi.Region;
import dev.coppice.spi.SumBlock;
import dev.coppice.spi.SumBlocks;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Adds up the slices of one tensor with slice_sums.cu: where the tensor lies on the device, there;
 * otherwise block by block, on as many threads as there are lanes.
 */
final class SliceSums {
  /** The most sums that a launch makes: 8 MiB of them. */
  private static final int MOST_SUMS = 1 << 20;

  /** Every lane has a block on the device: together they take as much as two chunks. */
  private static final int SHARE = 4;

  private static final long NO_NAN = -1;

  private final CudaDevice device;
  private final Weights weights;
  private final int axis;
  private final Summand summand;
  private final Execution execution;
  private final AtomicLong firstNan = new AtomicLong(Long.MAX_VALUE);

  SliceSums(CudaDevice device, Weights weights, int axis, Summand summand, Execution execution) {
    this.device = device;
    this.weights = weights;
    this.axis = axis;
    this.summand = summand;
    this.execution = execution;
  }

  /** Gives the sum of each slice; called with the context current. */
  double[] make() throws IOException {
    SumBlocks whole = new SumBlocks(weights, axis, 0, 0);
    double[] all = whole.room();
    if (all.length > 0 && weights.onDevice().isPresent()) {
      inPlace(weights.onDevice().orElseThrow(), all);
    } else if (all.length > 0) {
      Progress.Mark mark = execution.progress().mark();
      Slots.attemptInTurn(
          device,
          room -> {
            execution.progress().rewind(mark);
            staged(room.chunk() / SHARE, all);
          });
    }
    if (firstNan.get() != Long.MAX_VALUE) {
      throw new NanWeightsException(weights.name(), firstNan.get(), false);
    }
    return whole.slices(all);
  }

  /** Rows on the device: the parameters of slice_sums.cuh. */
  private record Rows(long address, long rows, long inner, long stride, long from, long to) {
    long sums() {
      return rows * ((to - from + ChunkedSum.CHUNK - 1) / ChunkedSum.CHUNK);
    }
  }

  private void inPlace(DeviceAddress there, double[] all) {
    long inner = weights.shape().after(axis);
    long slices = weights.shape().dimension(axis);
    long length = weights.shape().before(axis) * inner;
    long chunks = all.length / slices;
    long rows = Math.max(1, MOST_SUMS / chunks);
    long span = (long) MOST_SUMS * ChunkedSum.CHUNK;
    try (DeviceCall call = new DeviceCall(device, execution)) {
      Desk desk = new Desk(call, 0, (int) Math.min(all.length, Math.max(MOST_SUMS, chunks)));
      for (long s = 0; s < slices; s += rows) {
        for (long from = 0; from < length; from += span) {
          execution.checkCancelled();
          long first = s * inner;
          Rows part =
              new Rows(
                  there.address() + first * weights.dtype().bytes(),
                  Math.min(rows, slices - s),
                  inner,
                  slices * inner,
                  from,
                  Math.min(from + span, length));
          double[] sums = desk.add(part);
          desk.nan(at -> first + at);
          long to = s * chunks + from / ChunkedSum.CHUNK;
          System.arraycopy(sums, 0, all, (int) to, sums.length);
        }
      }
      call.drain();
    }
  }

  private void staged(int bytes, double[] all) throws IOException {
    SumBlocks blocks = new SumBlocks(weights, axis, bytes, bytes);
    try (DeviceCall call = new DeviceCall(device, execution)) {
      call.openLanes();
      SumBlock first = blocks.at(0);
      BlockingQueue<Desk> desks = new ArrayBlockingQueue<>(call.lanes());
      for (int i = 0; i < Math.min(call.lanes(), blocks.count()); i++) {
        desks.add(new Desk(call, blocks.mostBytes(), first.rows() * first.chunks()));
      }
      execution.progress().expect(weights.shape().elements() * weights.dtype().bytes());
      execution.forEach(
          blocks.count(),
          desks.size(),
          (index, worker) -> {
            execution.checkCancelled();
            SumBlock block = blocks.at(index);
            Desk desk = desks.remove();
            try {
              call.onLane(lane -> blocks.put(block, desk.add(block, lane), all));
            } finally {
              desks.add(desk);
            }
            execution.progress().advance(block.summedBytes());
          });
      call.drain();
    }
  }

  /** Says where in the tensor an element of what was added up lies. */
  @FunctionalInterface
  private interface Place {
    long of(long at);
  }

  /** What one thread needs on the device: room for a block, and for its first NaN and its sums. */
  private final class Desk {
    private final DeviceCall call;
    private final DeviceMemory elements;
    private final DeviceMemory made;
    private final PinnedMemory pinned;
    private final CudaEvent done;

    Desk(DeviceCall call, int bytes, int sums) {
      int size = Math.multiplyExact(sums + 1, Double.BYTES);
      this.call = call;
      this.elements = call.borrow(bytes);
      this.made = call.borrow(size);
      this.pinned = call.pinned(size);
      this.done = call.events(1).get(0);
    }

    double[] add(SumBlock block, Lane lane) throws IOException {
      call.begin();
      long begin = System.nanoTime();
      long offset = 0;
      for (Region region : block.regions()) {
        for (Region piece : Part.of(region, 0, 0).pieces(device.settings().staging())) {
          lane.upload(piece, elements, offset, done, call.stream());
          offset += piece.bytes();
        }
      }
      execution.readNanos.add(System.nanoTime() - begin);
      long stride = (long) block.rows() * block.inner();
      double[] sums =
          add(
              new Rows(
                  elements.address(),
                  block.rows(),
                  block.inner(),
                  stride,
                  block.from(),
                  block.to()));
      nan(at -> block.index((int) at));
      return sums;
    }

    /** Adds up what lies on the device by the time that the call's stream comes to it. */
    double[] add(Rows rows) {
      long begin = System.nanoTime();
      int count = (int) rows.sums();
      int bytes = (count + 1) * Double.BYTES;
      ByteBuffer result = pinned.slice(0, bytes);
      result.putLong(0, NO_NAN);
      synchronized (call) { // It has one launch block.
        made.upload(pinned.at(0), 0, Long.BYTES, call.stream());
        launch(rows);
        made.download(pinned.at(0), 0, bytes, call.stream());
        done.record(call.stream());
      }
      done.await();
      double[] sums = new double[count];
      result.position(Long.BYTES);
      result.asDoubleBuffer().get(sums);
      execution.pruneNanos.add(System.nanoTime() - begin);
      return sums;
    }

    private void launch(Rows rows) {
      Kernel kernel = device.kernels().sliceSums();
      ByteBuffer p = call.launchBlock().begin();
      p.putLong(rows.address()).putLong(made.address() + Long.BYTES).putLong(made.address());
      p.putLong(rows.rows()).putLong(rows.inner()).putLong(rows.stride());
      p.putLong(rows.from()).putLong(rows.to());
      p.putInt(element(weights.dtype())).putInt(summand == Summand.SQUARE ? 1 : 0);
      long blocks = device.kernels().blocks(kernel, Headers.SUMS_SHARED, rows.sums());
      call.launch(kernel, blocks, Headers.SUMS_SHARED);
    }

    /** Remembers the first NaN of what was added up last, if there is one. */
    void nan(Place place) {
      long at = pinned.slice(0, Long.BYTES).getLong(0);
      if (at != NO_NAN) {
        firstNan.accumulateAndGet(place.of(at), Math::min);
      }
    }
  }

  private static int element(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case F16 -> 1;
      case BF16 -> 2;
    };
  }
}
