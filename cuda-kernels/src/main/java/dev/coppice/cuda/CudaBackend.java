package dev.coppice.cuda;

import dev.coppice.spi.Backend;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.SlicedBackend;
import dev.coppice.spi.WeightsResult;
import java.io.IOException;
import java.util.List;

/** Prunes slice by slice with {@link CudaKernels}, which it owns. */
final class CudaBackend implements Backend {
  private final CudaKernels kernels;
  private final SlicedBackend slices;

  CudaBackend(CudaKernels kernels) {
    this.kernels = kernels;
    this.slices = new SlicedBackend(CudaProvider.NAME, kernels);
  }

  @Override
  public String name() {
    return CudaProvider.NAME;
  }

  @Override
  public List<WeightsResult> prune(PruneTask task, Execution execution) throws IOException {
    return slices.prune(task, execution);
  }

  @Override
  public void close() {
    kernels.close();
  }
}
