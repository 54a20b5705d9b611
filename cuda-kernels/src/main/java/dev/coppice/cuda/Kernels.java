package dev.coppice.cuda;

import dev.coppice.Criterion;
import dev.coppice.spi.PruneTask;
import java.util.List;
import jcuda.driver.CUdevice_attribute;

/** The kernels of src/main/cuda, and how many blocks of each the device holds at once. */
final class Kernels {
  /** Where keys come from: Ranking in tables.cuh. */
  enum Ranking {
    MAGNITUDE(0),
    PHILOX(1),
    SCORES(2);

    final int code;

    Ranking(int code) {
      this.code = code;
    }

    /** Gives the bytes that a key takes where weights are staged: magnitudes are found again. */
    int staged() {
      return this == MAGNITUDE ? 0 : Integer.BYTES;
    }

    /** Gives where the keys of a task's weights come from. */
    static Ranking of(PruneTask task) {
      if (task.criterion() instanceof Criterion.Random) {
        return PHILOX;
      }
      boolean scored = task.weights().stream().anyMatch(w -> Targets.of(w, 0).scores() != 0);
      return scored ? SCORES : MAGNITUDE;
    }
  }

  private static final int GROUPS_THREADS = 256;
  private static final int MASK_THREADS = 256;
  static final int MASK_SHARED = 64;

  /** The shared memory of coppice_n_of_m_2_4, and the beginning of coppice_n_of_m's. */
  static final int GROUPS_HEADER = 64;

  private final List<Kernel> histogram;
  private final List<Kernel> apply;
  private final Kernel threshold;
  private final Kernel twoOfFour;
  private final Kernel nOfM;
  private final Kernel rowsWarp;
  private final Kernel rowsSmallBlock;
  private final Kernel rowsLargeBlock;
  private final Kernel rowsGlobal;
  private final Kernel refineCount;
  private final Kernel refineApply;
  private final Kernel sliceSums;
  private final Kernel maskApply;
  private final Kernel maskCount;
  private final Kernel maskCombine;
  private final Kernel broadcast;
  private final int multiprocessors;
  private final int mostShared;

  /** Finds the kernels; called with the context current. */
  Kernels(CudaContext context, CudaModule module) {
    this.multiprocessors =
        context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    this.mostShared =
        context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    this.histogram =
        eachRanking(module, "coppice_histogram_", Headers.HISTOGRAM_THREADS, mostShared);
    this.apply = eachRanking(module, "coppice_apply_", Headers.APPLY_THREADS, Headers.APPLY_SHARED);
    this.threshold =
        new Kernel(
            module, "coppice_threshold", Headers.THRESHOLD_THREADS, Headers.THRESHOLD_SHARED);
    this.twoOfFour = new Kernel(module, "coppice_n_of_m_2_4", GROUPS_THREADS, GROUPS_HEADER);
    this.nOfM = new Kernel(module, "coppice_n_of_m", GROUPS_THREADS, groupsShared(Integer.BYTES));
    this.rowsWarp = new Kernel(module, "coppice_rows_warp", 256, mostShared);
    this.rowsSmallBlock = new Kernel(module, "coppice_rows_block", 256, mostShared);
    this.rowsLargeBlock = new Kernel(module, "coppice_rows_block", 512, mostShared);
    this.rowsGlobal = new Kernel(module, "coppice_rows_global", 512, mostShared);
    this.refineCount = new Kernel(module, "coppice_refine_count", Headers.REFINE_THREADS, 0);
    this.refineApply =
        new Kernel(module, "coppice_refine_apply", Headers.REFINE_THREADS, Headers.REFINE_SHARED);
    this.sliceSums =
        new Kernel(module, "coppice_slice_sums", Headers.SUMS_THREADS, Headers.SUMS_SHARED);
    this.maskApply = new Kernel(module, "coppice_mask_apply", MASK_THREADS, MASK_SHARED);
    this.maskCount = new Kernel(module, "coppice_mask_count", MASK_THREADS, MASK_SHARED);
    this.maskCombine = new Kernel(module, "coppice_mask_combine", MASK_THREADS, MASK_SHARED);
    this.broadcast = new Kernel(module, "coppice_broadcast", Headers.BROADCAST_THREADS, 0);
  }

  private static List<Kernel> eachRanking(CudaModule module, String name, int threads, int shared) {
    return List.of(
        new Kernel(module, name + "magnitude", threads, shared),
        new Kernel(module, name + "philox", threads, shared),
        new Kernel(module, name + "scores", threads, shared));
  }

  Kernel histogram(Ranking ranking) {
    return histogram.get(ranking.code);
  }

  Kernel apply(Ranking ranking) {
    return apply.get(ranking.code);
  }

  Kernel threshold() {
    return threshold;
  }

  Kernel twoOfFour() {
    return twoOfFour;
  }

  Kernel nOfM() {
    return nOfM;
  }

  /** Gives the shared memory of coppice_n_of_m: a tile's weights and their keys. */
  static int groupsShared(int keyBytes) {
    return GROUPS_HEADER + (Headers.GROUPS_TILE + 512) * (Integer.BYTES + keyBytes);
  }

  Kernel rowsWarp() {
    return rowsWarp;
  }

  Kernel rowsSmallBlock() {
    return rowsSmallBlock;
  }

  Kernel rowsLargeBlock() {
    return rowsLargeBlock;
  }

  Kernel rowsGlobal() {
    return rowsGlobal;
  }

  Kernel refineCount() {
    return refineCount;
  }

  Kernel refineApply() {
    return refineApply;
  }

  Kernel sliceSums() {
    return sliceSums;
  }

  Kernel maskApply() {
    return maskApply;
  }

  Kernel maskCount() {
    return maskCount;
  }

  Kernel maskCombine() {
    return maskCombine;
  }

  Kernel broadcast() {
    return broadcast;
  }

  /** Gives the most shared memory that a block can have. */
  int mostShared() {
    return mostShared;
  }

  /**
   * Gives the blocks of a kernel whose tiles take unlike times: many more than the device holds at
   * once, but no more than there is work for.
   */
  long manyBlocks(Kernel kernel, int shared, long work) {
    return Math.max(1, Math.min(work, 16L * multiprocessors * kernel.blocksEach(shared)));
  }

  /**
   * Gives the blocks of a kernel that the device holds at once, but no more than there is work for.
   */
  long blocks(Kernel kernel, int shared, long work) {
    return Math.max(1, Math.min(work, (long) multiprocessors * kernel.blocksEach(shared)));
  }
}
