package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.PendingPruning;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.util.Map;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;

/** The code of docs/cuda.md, which {@link GuideExampleTest} compares and runs. */
final class GuideExample {
  private GuideExample() {}

  static PruningReport prune(CUdeviceptr weights, long rows, long columns, CUstream stream) {
    // prune
    Tensor tensor = CudaTensors.of(DType.BF16, 0, weights, rows, columns);
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5, Scope.GLOBAL));
    long handle = CudaTensors.stream(stream);
    try (Pruner pruner = Pruner.builder().backend("cuda").stream(handle).build();
        PendingPruning pending = pruner.pruneAsync(Map.of("layer.0", tensor), plan)) {
      // What is put into the stream from here on finds pruned weights.
      return pending.get(); // Waits.
    }
    // end
  }

  static long train(Tensor weights, Tensor scores, long stream, Runnable step) {
    // mask
    PruningPlan plan = PruningPlan.of(Rule.nOfM(2, 4));
    try (CudaPruner pruner = CudaPruner.open(0, stream);
        CudaMask byMagnitude = pruner.mask(weights, plan);
        CudaMask byScore = pruner.mask(weights, scores, plan);
        CudaMask either = byMagnitude.or(byScore)) {
      for (int i = 0; i < 3; i++) {
        step.run(); // The optimizer changes all weights.
        either.apply(weights); // Into the stream, not waited for.
      }
      return either.countPruned();
    }
    // end
  }
}
