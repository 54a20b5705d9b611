package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.NanWeightsException;
import dev.coppice.Pattern;
import dev.coppice.PruningCancelledException;
import dev.coppice.spi.Backend;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PendingWeights;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WeightsResult;
import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;

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
  public List<String> details() {
    return DeviceDetails.lines();
  }

  @Override
  public List<WeightsResult> prune(PruneTask task, Execution execution) throws IOException {
    try (PendingWeights pending = begin(task, execution)) {
      return pending.await();
    }
  }

  @Override
  public double[] sliceSums(Weights weights, int axis, Summand summand, Execution execution)
      throws IOException {
    execution.checkCancelled();
    return device
        .context()
        .<double[], IOException>call(
            () -> new SliceSums(device, weights, axis, summand, execution).make());
  }

  /** Does not wait for the device as long as all of the weights lie there. */
  @Override
  public PendingWeights begin(PruneTask task, Execution execution) throws IOException {
    execution.checkCancelled();
    if (Thread.currentThread().isInterrupted()) {
      throw new PruningCancelledException();
    }
    Results results = new Results(task.weights().size());
    PendingCalls calls = new PendingCalls();
    return device
        .context()
        .<PendingWeights, IOException>call(
            () -> {
              boolean begun = false;
              try {
                begin(task, execution, results, calls);
                begun = true;
              } finally {
                if (!begun) {
                  calls.close();
                }
              }
              return new Pending(device.context(), task, calls, results);
            });
  }

  /** What was put into streams for one task. */
  private record Pending(CudaContext context, PruneTask task, PendingCalls calls, Results results)
      implements PendingWeights {
    @Override
    public boolean isDone() {
      return context.call(calls::isDone);
    }

    @Override
    public List<WeightsResult> await() {
      try {
        context.run(calls::complete);
        return results.all();
      } catch (NanWeightsException e) {
        throw e.besides(pruned());
      }
    }

    private List<String> pruned() {
      return IntStream.range(0, task.weights().size())
          .filter(t -> results.all().get(t).pruned() > 0)
          .mapToObj(t -> task.weights().get(t).name())
          .toList();
    }

    @Override
    public void close() {
      if (!calls.isEmpty()) {
        calls.closeIn(context);
      }
    }
  }

  private void begin(PruneTask task, Execution execution, Results results, PendingCalls calls)
      throws IOException {
    List<Integer> tensors =
        IntStream.range(0, task.weights().size())
            .filter(t -> task.weights().get(t).shape().elements() > 0)
            .boxed()
            .toList();
    OnePass onePass = new OnePass(device, task, execution, results, calls);
    ThresholdPrune thresholds = new ThresholdPrune(device, task, execution, results, calls);
    if (tensors.isEmpty()) {
      return;
    }
    if (task.pattern() instanceof Pattern.NofM pattern) {
      new GroupPrune(onePass, task, pattern).prune(tensors);
    } else if (task.pattern() instanceof Pattern.Unstructured pattern) {
      RowPrune rows = new RowPrune(onePass, device, task, pattern.amount());
      unstructured(pattern, tensors, rows, thresholds);
    }
  }

  private static void unstructured(
      Pattern.Unstructured pattern, List<Integer> tensors, RowPrune rows, ThresholdPrune thresholds)
      throws IOException {
    Amount amount = pattern.amount();
    switch (pattern.scope()) {
      case GLOBAL -> {
        if (pattern.maxPerTensor().isPresent()) {
          thresholds.capped(tensors, amount, pattern.maxPerTensor().getAsDouble());
        } else {
          thresholds.together(tensors, amount);
        }
      }
      case TENSOR -> {
        rows.tensors(tensors.stream().filter(rows::fits).toList());
        List<Integer> large = tensors.stream().filter(t -> !rows.fits(t)).toList();
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
