package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.Pattern;
import dev.coppice.spi.Backend;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.WeightsResult;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Prunes on a device, which it owns. */
final class CudaBackend implements Backend {
  private final CudaDevice device;

  CudaBackend(CudaDevice device) {
    this.device = device;
  }

  @Override
  public String name() {
    return CudaProvider.NAME;
  }

  @Override
  public List<WeightsResult> prune(PruneTask task, Execution execution) throws IOException {
    execution.checkCancelled();
    Results results = new Results(task.weights().size());
    device
        .context()
        .<Boolean, IOException>call(
            () -> {
              prune(task, execution, results);
              return true;
            });
    return results.all();
  }

  private void prune(PruneTask task, Execution execution, Results results) throws IOException {
    List<Integer> tensors = new ArrayList<>();
    for (int t = 0; t < task.weights().size(); t++) {
      if (task.weights().get(t).shape().elements() > 0) {
        tensors.add(t);
      }
    }
    if (tensors.isEmpty()) {
      return;
    }
    if (task.pattern() instanceof Pattern.NofM pattern) {
      OnePass onePass = new OnePass(device, task, execution, results);
      new GroupPrune(onePass, task, pattern).prune(tensors);
    } else if (task.pattern() instanceof Pattern.Unstructured pattern) {
      prune(pattern, tensors, task, execution, results);
    }
  }

  private void prune(
      Pattern.Unstructured pattern,
      List<Integer> tensors,
      PruneTask task,
      Execution execution,
      Results results)
      throws IOException {
    Amount amount = pattern.amount();
    OnePass onePass = new OnePass(device, task, execution, results);
    RowPrune rows = new RowPrune(onePass, device, task, amount);
    ThresholdPrune thresholds = new ThresholdPrune(device, task, execution, results);
    switch (pattern.scope()) {
      case GLOBAL -> {
        if (pattern.maxPerTensor().isPresent()) {
          thresholds.capped(tensors, amount, pattern.maxPerTensor().getAsDouble());
        } else {
          thresholds.together(tensors, amount);
        }
      }
      case TENSOR -> {
        List<Integer> small = tensors.stream().filter(rows::fits).toList();
        List<Integer> large = tensors.stream().filter(t -> !rows.fits(t)).toList();
        rows.tensors(small);
        thresholds.each(large, large.stream().map(t -> amount).toList());
      }
      case ROW -> {
        for (int t : tensors.stream().filter(rows::exceedsChunk).toList()) {
          thresholds.eachRow(t, amount);
        }
        rows.rows(tensors.stream().filter(t -> !rows.exceedsChunk(t)).toList());
      }
    }
  }

  @Override
  public void close() {
    device.close();
  }
}
