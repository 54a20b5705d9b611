package dev.coppice.cuda;

import dev.coppice.NanPolicy;
import dev.coppice.Pattern;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Region;
import dev.coppice.spi.Regions;
import dev.coppice.spi.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Prunes N:M groups with n_of_m.cu and n_of_m_2_4.cu. */
final class GroupPrune {
  private static final int WARP = 32;

  /** What a strided region may exceed its bound by ({@link Regions#ofGroups}). */
  private static final int STRIDED = 16;

  private final OnePass onePass;
  private final PruneTask task;
  private final Pattern.NofM pattern;
  private final Kernels.Ranking ranking;

  GroupPrune(OnePass onePass, PruneTask task, Pattern.NofM pattern) {
    this.onePass = onePass;
    this.task = task;
    this.pattern = pattern;
    this.ranking = Kernels.Ranking.of(task);
  }

  /** Prunes the groups of these tensors. */
  void prune(List<Integer> tensors) throws IOException {
    List<Integer> twoOfFour = new ArrayList<>();
    List<Integer> others = new ArrayList<>();
    for (int t : tensors) {
      (isTwoOfFour(t) ? twoOfFour : others).add(t);
    }
    if (!twoOfFour.isEmpty()) {
      onePass.run(
          new OnePass.Work(
              chunk -> parts(twoOfFour, chunk), Tables::tiles, this::launchTwoOfFour, false));
    }
    if (!others.isEmpty()) {
      onePass.run(
          new OnePass.Work(
              chunk -> parts(others, chunk), (part, at) -> tiles(part), this::launchAny, false));
    }
  }

  /** Says whether coppice_n_of_m_2_4 takes a tensor, wherever it is cut: in place, and no mask. */
  private boolean isTwoOfFour(int tensor) {
    Weights w = task.weights().get(tensor);
    long address = w.onDevice().map(DeviceAddress::address).orElse(0L);
    return ranking == Kernels.Ranking.MAGNITUDE
        && pattern.n() == 2
        && pattern.m() == 4
        && !(w instanceof Targets.Aimed)
        && (inner(tensor) == 1
            || (inner(tensor) * w.dtype().bytes() | address) % Tables.VECTOR_BYTES == 0);
  }

  private long inner(int tensor) {
    Weights w = task.weights().get(tensor);
    return w.shape().after(w.axes().reduction());
  }

  private List<Part> parts(List<Integer> tensors, int chunk) {
    List<Part> parts = new ArrayList<>();
    for (int t : tensors) {
      Weights w = task.weights().get(t);
      if (w.onDevice().isPresent()) {
        parts.add(Part.whole(w, t, 0).arranged(1, inner(t), 1));
        continue;
      }
      boolean fits = pattern.m() * inner(t) * w.dtype().bytes() <= chunk;
      int strip = Math.max(1, chunk / STRIDED / Tables.VECTOR_BYTES) * Tables.VECTOR_BYTES;
      Regions regions = Regions.ofGroups(w, pattern.m(), fits ? chunk : strip);
      for (long r = 0; r < regions.count(); r++) {
        Region region = regions.at().apply(r);
        long inner = region.isContiguous() ? inner(t) : region.runLength();
        parts.add(Part.of(region, t, 0).arranged(1, inner, 1));
      }
    }
    return parts;
  }

  /** Gives the tiles of a slice of coppice_n_of_m. */
  private long tiles(Part part) {
    long block = pattern.m() * part.inner();
    long blocks = part.elements() / block;
    if (block <= Headers.GROUPS_TILE) {
      long each = Headers.GROUPS_TILE / block;
      return (blocks + each - 1) / each;
    }
    long width = Headers.GROUPS_TILE / pattern.m() / WARP * (long) WARP;
    return blocks * ((part.inner() + width - 1) / width);
  }

  private void launchTwoOfFour(DeviceCall call, Tables tables, Tables.Launch slices) {
    launch(call, call.device().kernels().twoOfFour(), Kernels.GROUPS_HEADER, tables, slices);
  }

  private void launchAny(DeviceCall call, Tables tables, Tables.Launch slices) {
    int shared = Kernels.groupsShared(ranking.staged());
    launch(call, call.device().kernels().nOfM(), shared, tables, slices);
  }

  private void launch(
      DeviceCall call, Kernel kernel, int shared, Tables tables, Tables.Launch slices) {
    ByteBuffer p = call.launchBlock().begin();
    p.putLong(slices.slices()).putLong(tables.tallies()).putLong(slices.tiles());
    p.putLong(task.seed()).putInt(slices.count()).putInt(pattern.n()).putInt(pattern.m());
    p.putInt(ranking.code);
    p.putInt(task.nan() == NanPolicy.KEEP ? 1 : 0).putInt(0);
    call.launch(kernel, call.device().kernels().manyBlocks(kernel, shared, slices.tiles()), shared);
  }
}
