package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.NanPolicy;
import dev.coppice.reference.ReferenceKernels;
import dev.coppice.spi.Histogram;
import dev.coppice.spi.Ranking;
import dev.coppice.spi.Slice;
import dev.coppice.spi.SliceKernels;
import dev.coppice.spi.Tally;
import dev.coppice.spi.Window;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Kernels on a device: the histogram of magnitudes. Everything else is done by the reference
 * kernels.
 */
final class CudaKernels implements SliceKernels, AutoCloseable {
  private final SliceKernels others = new ReferenceKernels();
  private final CudaContext context;
  private final CudaModule module;
  private final HistogramKernel histogram;
  private final Deque<Workspace> idle = new ArrayDeque<>();
  private boolean closed;

  private CudaKernels(CudaContext context, CudaModule module) {
    this.context = context;
    this.module = module;
    this.histogram = new HistogramKernel(context, module);
  }

  /**
   * Opens a device and loads the kernels.
   *
   * @throws dev.coppice.BackendUnavailableException with the reason, if they cannot be used
   */
  static CudaKernels open(int ordinal) {
    CudaContext context = CudaContext.open(ordinal);
    try {
      return context.call(() -> load(context));
    } catch (RuntimeException e) {
      try (context) {
        throw e;
      }
    }
  }

  private static CudaKernels load(CudaContext context) {
    CudaModule module = new CudaModule(context);
    try {
      return new CudaKernels(context, module);
    } catch (RuntimeException e) {
      try (module) {
        throw e;
      }
    }
  }

  CudaContext context() {
    return context;
  }

  HistogramKernel histogram() {
    return histogram;
  }

  @Override
  public long histogram(Slice slice, Window window, Histogram into) {
    if (!(slice.ranking() instanceof Ranking.Magnitude)) {
      return others.histogram(slice, window, into);
    }
    return slice.elements() == 0 ? -1 : context.call(() -> count(slice, window, null, 0, into));
  }

  /**
   * Counts a slice that is uploaded to the byte at {@code offset} of {@code data}; null: of memory
   * of our own. Called with the context current.
   */
  long count(Slice slice, Window window, @Nullable DeviceMemory data, long offset, Histogram into) {
    Workspace workspace = borrow();
    long firstNan;
    try {
      DeviceMemory target = data == null ? workspace.data(slice.data().capacity()) : data;
      firstNan = count(slice, window, workspace, target, offset, into);
    } catch (RuntimeException | Error e) {
      try (workspace) {
        throw e;
      }
    } finally {
      Reference.reachabilityFence(slice);
    }
    giveBack(workspace);
    return firstNan;
  }

  private long count(
      Slice slice,
      Window window,
      Workspace workspace,
      DeviceMemory data,
      long offset,
      Histogram into) {
    CudaStream stream = workspace.stream();
    int bytes = HistogramKernel.SUMS_BYTES + window.bins() * Long.BYTES;
    DeviceMemory counters = workspace.counters(bytes);
    ByteBuffer read = workspace.read(bytes);
    data.upload(slice.data(), offset, stream.stream());
    counters.fill(-1, 0, Long.BYTES, stream.stream());
    counters.fill(0, Long.BYTES, bytes - Long.BYTES, stream.stream());
    histogram.launch(
        slice.dtype(),
        data.address() + offset,
        slice.elements(),
        window,
        counters.address() + HistogramKernel.SUMS_BYTES,
        counters.address(),
        stream.stream());
    counters.download(read, bytes, stream.stream());
    stream.await();
    return add(read, window.bins(), into);
  }

  private static long add(ByteBuffer counters, int bins, Histogram into) {
    into.below += counters.getLong(Long.BYTES);
    into.nans += counters.getLong(2 * Long.BYTES);
    IntBuffer counts = into.counts();
    for (int bin = 0; bin < bins; bin++) {
      int count = (int) counters.getLong(HistogramKernel.SUMS_BYTES + bin * Long.BYTES);
      if (count != 0) {
        counts.put(bin, counts.get(bin) + count);
      }
    }
    return counters.getLong(0); // All ones, which is -1, where there is no NaN.
  }

  private Workspace borrow() {
    synchronized (idle) {
      if (closed) {
        throw new IllegalStateException("the CUDA backend is used after it was closed");
      }
      Workspace workspace = idle.pollFirst();
      if (workspace != null) {
        return workspace;
      }
    }
    return new Workspace(context);
  }

  private void giveBack(Workspace workspace) {
    synchronized (idle) {
      if (!closed) {
        idle.addFirst(workspace);
        return;
      }
    }
    workspace.close();
  }

  @Override
  public void apply(Slice slice, long threshold, long ties, Tally tally) {
    others.apply(slice, threshold, ties, tally);
  }

  @Override
  public void selectNofM(Slice slice, int n, int m, int inner, NanPolicy nan, Tally tally) {
    others.selectNofM(slice, n, m, inner, nan, tally);
  }

  @Override
  public void selectRows(
      Slice slice, int outer, int rows, int inner, Amount amount, NanPolicy nan, Tally tally) {
    others.selectRows(slice, outer, rows, inner, amount, nan, tally);
  }

  @Override
  public void close() {
    try (context;
        module) {
      synchronized (idle) {
        closed = true;
        closeAll(idle);
      }
    }
  }

  /** Closes one after the other, also where one of them fails to. */
  private static void closeAll(Deque<Workspace> workspaces) {
    Workspace first = workspaces.pollFirst();
    if (first != null) {
      try (first) {
        closeAll(workspaces);
      }
    }
  }
}
