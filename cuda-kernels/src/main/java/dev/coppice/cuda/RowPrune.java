package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.NanPolicy;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Region;
import dev.coppice.spi.Regions;
import dev.coppice.spi.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import jcuda.driver.CUresult;

/** Prunes rows, or small tensors as one row each, with rows.cu: on chip where they fit. */
final class RowPrune {
  /** Who selects a row, and where its weights are meanwhile. */
  private enum Variant {
    WARP,
    SMALL_BLOCK,
    LARGE_BLOCK,
    GLOBAL
  }

  private static final int VECTOR = 16;
  private static final int SECTORS = 64;

  /** The bytes of the longest row that a warp selects: so many it holds in registers. */
  private static final int WARP_ROW = 4 << 10;

  private static final int WARP_STAGED = 16 << 10;
  private static final int SMALL_STAGED = 32 << 10;
  private static final int WARPS = 8;

  /**
   * How a tensor is seen: as [outer, rows, inner], of which {@code together} rows at a time are
   * staged.
   */
  private record Shape(
      int tensor, long outer, long rows, long inner, int bytes, Variant variant, int together) {}

  private final OnePass onePass;
  private final CudaDevice device;
  private final PruneTask task;
  private final Amount amount;
  private final Kernels.Ranking ranking;

  RowPrune(OnePass onePass, CudaDevice device, PruneTask task, Amount amount) {
    this.onePass = onePass;
    this.device = device;
    this.task = task;
    this.amount = amount;
    this.ranking = Kernels.Ranking.of(task);
  }

  /** Prunes every row of these tensors, each of which is on the device or fits a chunk. */
  void rows(List<Integer> tensors) throws IOException {
    List<Shape> shapes = new ArrayList<>();
    for (int t : tensors) {
      Weights w = task.weights().get(t);
      int axis = w.axes().output();
      shapes.add(
          shape(t, w.shape().before(axis), w.shape().dimension(axis), w.shape().after(axis)));
    }
    prune(shapes, false);
  }

  /** Prunes these tensors, each of which {@link #fits}. */
  void tensors(List<Integer> tensors) throws IOException {
    prune(tensors.stream().map(t -> shape(t, 1, 1, elements(t))).toList(), true);
  }

  /** Says whether a row of a tensor must be brought to the device in pieces. */
  boolean exceedsChunk(int tensor) {
    Weights w = task.weights().get(tensor);
    long row = w.shape().elements() / w.shape().dimension(w.axes().output()) * w.dtype().bytes();
    return w.onDevice().isEmpty() && row > device.settings().chunk();
  }

  /** Says whether a whole tensor is selected on chip, and brought there in one piece. */
  boolean fits(int tensor) {
    Weights w = task.weights().get(tensor);
    boolean there =
        w.onDevice().isPresent()
            || elements(tensor) * w.dtype().bytes() <= device.settings().chunk();
    return there && shape(tensor, 1, 1, elements(tensor)).variant() != Variant.GLOBAL;
  }

  private long elements(int tensor) {
    return task.weights().get(tensor).shape().elements();
  }

  private void prune(List<Shape> shapes, boolean whole) throws IOException {
    Map<Variant, List<Shape>> alike = new EnumMap<>(Variant.class);
    for (Shape s : shapes) {
      amount.of(s.outer() * s.inner()); // Refuses a count above a row's weights.
      alike.computeIfAbsent(s.variant(), v -> new ArrayList<>()).add(s);
    }
    for (Map.Entry<Variant, List<Shape>> each : alike.entrySet()) {
      List<Shape> same = each.getValue();
      int shared = same.stream().mapToInt(this::shared).max().orElseThrow();
      onePass.run(
          new OnePass.Work(
              chunk -> parts(same, chunk),
              (part, at) -> (part.rows() + part.together() - 1) / part.together(),
              (call, tables, slices) -> launch(call, kernel(each.getKey()), shared, tables, slices),
              whole));
    }
  }

  private Shape shape(int tensor, long outer, long rows, long inner) {
    int bytes = task.weights().get(tensor).dtype().bytes();
    if (outer == 1 && inner * bytes <= WARP_ROW) {
      int together = (int) Math.max(1, WARP_STAGED / (inner * staged(bytes)));
      return new Shape(
          tensor, outer, rows, inner, bytes, Variant.WARP, (int) Math.min(together, rows));
    }
    int sectors = (int) Math.max(1, SECTORS / (inner * bytes));
    for (int together = outer == 1 ? 1 : sectors; together >= 1; together /= 2) {
      Shape shape = new Shape(tensor, outer, rows, inner, bytes, Variant.LARGE_BLOCK, together);
      if (stagedBytes(shape) + Headers.ROWS_HEADER_BYTES + (long) together * Headers.ROW_BYTES
          <= mostShared()) {
        boolean small = stagedBytes(shape) <= SMALL_STAGED;
        Variant variant = small ? Variant.SMALL_BLOCK : Variant.LARGE_BLOCK;
        return new Shape(tensor, outer, rows, inner, bytes, variant, together);
      }
    }
    int fitting = (mostShared() - Headers.ROWS_HEADER_BYTES) / Headers.LONG_ROW_BYTES;
    int together = outer == 1 ? 1 : Math.min(sectors, fitting);
    return new Shape(tensor, outer, rows, inner, bytes, Variant.GLOBAL, together);
  }

  private int mostShared() {
    return device.kernels().mostShared();
  }

  /** Gives the bytes that a staged element takes. */
  private int staged(int bytes) {
    return bytes + ranking.staged();
  }

  /** Gives the shared memory that the staged rows of a tile take. */
  private long stagedBytes(Shape s) {
    int lanes = VECTOR / s.bytes();
    long line = s.together() * s.inner();
    long elements =
        s.outer() == 1
            ? (line + 2L * lanes - 2) / lanes * lanes
            : s.outer() * ((line + lanes - 1) / lanes * lanes);
    return elements * staged(s.bytes());
  }

  private int shared(Shape s) {
    return switch (s.variant()) {
      case WARP -> (int) (Headers.ROWS_HEADER_BYTES + WARPS * Headers.ROW_BYTES + stagedBytes(s));
      case SMALL_BLOCK, LARGE_BLOCK ->
          (int) (Headers.ROWS_HEADER_BYTES + s.together() * Headers.ROW_BYTES + stagedBytes(s));
      case GLOBAL -> Headers.ROWS_HEADER_BYTES + s.together() * Headers.LONG_ROW_BYTES;
    };
  }

  private Kernel kernel(Variant variant) {
    Kernels kernels = device.kernels();
    return switch (variant) {
      case WARP -> kernels.rowsWarp();
      case SMALL_BLOCK -> kernels.rowsSmallBlock();
      case LARGE_BLOCK -> kernels.rowsLargeBlock();
      case GLOBAL -> kernels.rowsGlobal();
    };
  }

  private List<Part> parts(List<Shape> shapes, int chunk) {
    List<Part> parts = new ArrayList<>();
    for (Shape s : shapes) {
      Weights w = task.weights().get(s.tensor());
      if (w.onDevice().isPresent()) {
        Part whole = Part.whole(w, s.tensor(), 0);
        parts.add(whole.arranged(s.rows(), s.inner(), s.together()));
        continue;
      }
      long row = s.outer() * s.inner() * s.bytes();
      if (row > chunk) {
        throw new DeviceOutOfMemoryException(CUresult.CUDA_ERROR_OUT_OF_MEMORY, row, chunk);
      }
      addRegions(s, w, chunk, parts);
    }
    return parts;
  }

  private static void addRegions(Shape s, Weights w, int chunk, List<Part> parts) {
    if (s.rows() == 1 && s.outer() == 1) {
      Region all = new Region(w, 0, 1, (int) s.inner(), s.inner());
      parts.add(Part.of(all, s.tensor(), 0).arranged(1, s.inner(), 1));
      return;
    }
    Regions regions = Regions.ofRows(w, s.outer() == 1 ? chunk : chunk / 16);
    for (long r = 0; r < regions.count(); r++) {
      Region region = regions.at().apply(r);
      long rows = region.elements() / (s.outer() * s.inner());
      Part part = Part.of(region, s.tensor(), 0);
      parts.add(part.arranged(rows, s.inner(), (int) Math.min(s.together(), rows)));
    }
  }

  private void launch(
      DeviceCall call, Kernel kernel, int shared, Tables tables, Tables.Launch slices) {
    Tables.Ask ask = Tables.Ask.of(amount, 0);
    ByteBuffer p = call.launchBlock().begin();
    p.putLong(slices.slices()).putLong(tables.tallies()).putLong(tables.state());
    p.putLong(slices.tiles()).putLong(task.seed()).putDouble(ask.fraction()).putLong(ask.count());
    p.putInt(slices.count());
    p.putInt(ranking.code);
    p.putInt(task.nan() == NanPolicy.KEEP ? 1 : 0).putInt(0);
    call.launch(kernel, device.kernels().manyBlocks(kernel, shared, slices.tiles()), shared);
  }
}
