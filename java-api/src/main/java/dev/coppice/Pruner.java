package dev.coppice;

import dev.coppice.spi.BackendProvider;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointWriter;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WeightsResult;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Prunes tensors and checkpoints by a plan, on the backend that was named or, under {@code auto},
 * on the best that can be used and pays for the call. Under {@code auto} a backend that runs out of
 * device memory is replaced by the next, for that rule of the plan; the result is the same, and the
 * report says so. A device that was lost ends its call; later ones do without it. Any number of
 * calls may run at once, on any threads; all share the pool of the process, which bounds threads
 * and memory. Interrupting a thread that waits in a call cancels the call.
 */
public final class Pruner implements AutoCloseable {
  private final List<Candidate> candidates;
  private final Builder settings;
  private final Set<PendingPruning.State> pending = ConcurrentHashMap.newKeySet();

  private Pruner(Builder settings) {
    this.settings = settings;
    this.candidates =
        Backends.candidates(settings.backend, settings.device, settings.providers.get());
    if (!isAuto()) {
      Backends.open(candidates.get(0));
    }
  }

  private boolean isAuto() {
    return settings.backend.equals(Backends.AUTO);
  }

  /** Makes a pruner on the best backend there is. */
  public static Pruner create() {
    return builder().build();
  }

  /** Begins a pruner with settings of its own. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Gives the name of the backend; with {@code auto}, of the best that can be used, for any size of
   * model: a report says which one its call used.
   */
  public String backend() {
    return use(Long.MAX_VALUE).chosen().name();
  }

  private BackendUse use(long bytes) {
    return isAuto() ? BackendUse.best(candidates, bytes) : BackendUse.named(candidates.get(0));
  }

  private BackendUse use(Selection selection) {
    return use(selection.taken().stream().mapToLong(t -> t.tensor().bytes()).sum());
  }

  private BackendUse use(Selection selection, Map<String, Tensor> tensors) {
    return DeviceTensors.of(selection, tensors, settings.device)
        .map(found -> found.use(candidates, isAuto()))
        .orElseGet(() -> use(selection));
  }

  /**
   * Prunes one tensor in place by the plan's first rule, whatever selector that has.
   *
   * @throws NanWeightsException if a weight is NaN and the plan does not keep it
   */
  public PruningReport prune(Tensor tensor, PruningPlan plan) {
    Rule rule =
        plan.rules().get(0).on(new Selector(List.of("*"), List.of(), Selector.Defaults.LIFTED));
    return prune(Map.of("tensor", tensor), new PruningPlan(List.of(rule), plan.seed(), plan.nan()));
  }

  /**
   * Prunes named tensors in place; axes are those of safetensors (SPEC.md, "Axes") unless a rule
   * sets others. Tensors on a CUDA device are pruned there, whatever their size, and the others of
   * the call with them.
   *
   * @throws InvalidPlanException if a rule matches nothing
   * @throws IllegalArgumentException if a tensor lies on a device that the backend does not run on
   * @throws NanWeightsException if a weight is NaN and the plan does not keep it
   */
  public PruningReport prune(Map<String, Tensor> tensors, PruningPlan plan) {
    long begin = System.nanoTime();
    List<CheckpointTensor> described = TensorWeights.describe(tensors);
    Selection selection = Selection.of(described, plan);
    BackendUse use = use(selection, tensors);
    Execution execution = execution();
    try {
      Map<String, WeightsResult> results =
          run(selection, plan, use, execution, TensorWeights.among(tensors));
      execution.progress().end();
      long bytes = described.stream().mapToLong(CheckpointTensor::bytes).sum();
      return PruningReport.of(plan, selection, results, use, bytes, execution, begin);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Memory does not fail.
    } finally {
      Reference.reachabilityFence(tensors); // A backend may have no more than their addresses.
    }
  }

  /**
   * Begins to prune named tensors on a CUDA device, where they lie, and does not wait for it: the
   * rules of the plan are put one after the other into the {@linkplain Builder#stream stream}, or
   * into streams of Coppice's own if none was set. What the caller puts into that stream before is
   * done before, and what follows sees pruned weights. A rule with a cap for each tensor is waited
   * for here, up to its last pass.
   *
   * <p>The tensors' memory must stay allocated until the device is done. Otherwise like {@link
   * #prune(Map, PruningPlan)}; a NaN is refused by {@link PendingPruning#get}.
   *
   * @throws IllegalArgumentException if a tensor that the plan takes does not lie on the pruner's
   *     device
   * @throws DeviceOutOfMemoryException if the device has no room for the counters
   */
  public PendingPruning pruneAsync(Map<String, Tensor> tensors, PruningPlan plan) {
    long begin = System.nanoTime();
    List<CheckpointTensor> described = TensorWeights.describe(tensors);
    Selection selection = Selection.of(described, plan);
    DeviceTensors.requireAll(selection, tensors);
    BackendUse use = use(selection, tensors);
    Execution execution = execution();
    List<PendingPruning.Begun> begun = new ArrayList<>();
    boolean all = false;
    try {
      for (PruneTask task : selection.tasks(plan, TensorWeights.among(tensors))) {
        begun.add(new PendingPruning.Begun(task.weights(), use.begin(task, execution)));
      }
      all = true;
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Memory does not fail.
    } finally {
      if (!all) {
        begun.forEach(b -> b.pending().close());
      }
      Reference.reachabilityFence(tensors);
    }
    long bytes = described.stream().mapToLong(CheckpointTensor::bytes).sum();
    return PendingPruning.of(
        begun,
        done -> PruningReport.of(plan, selection, done, use, bytes, execution, begin),
        pending);
  }

  /**
   * Writes a pruned copy of a checkpoint.
   *
   * @param target a file, or a folder if the checkpoint is one
   * @param overwrite whether an existing target is replaced
   * @throws java.nio.file.FileAlreadyExistsException if it exists and may not be replaced, or is
   *     the input
   * @throws IOException if the target cannot be written; then an old one is as it was
   */
  public PruningReport prune(
      Checkpoint checkpoint, PruningPlan plan, Path target, boolean overwrite) throws IOException {
    long begin = System.nanoTime();
    Selection selection = Selection.of(checkpoint.tensors(), plan);
    BackendUse use = use(selection);
    Execution execution = execution();
    Set<String> changed = new HashSet<>();
    selection.taken().forEach(t -> changed.add(t.tensor().name()));
    try (CheckpointWriter writer = checkpoint.rewrite(target, changed, overwrite)) {
      List<CheckpointWriter.Piece> rest = writer.rest();
      execution.progress().expect(rest.stream().mapToLong(CheckpointWriter.Piece::bytes).sum());
      Map<String, WeightsResult> results =
          run(
              selection,
              plan,
              use,
              execution,
              t -> new CheckpointWeights(checkpoint, t, writer::write));
      execution.progress().begin("copy");
      copy(rest, execution);
      execution.progress().begin("commit");
      long committing = System.nanoTime();
      execution.checkCancelled();
      writer.commit();
      execution.writeNanos.add((System.nanoTime() - committing) * execution.threads());
      return PruningReport.of(plan, selection, results, use, checkpoint.bytes(), execution, begin);
    }
  }

  /**
   * Says what {@link #prune(Checkpoint, PruningPlan, Path, boolean)} would do, exactly, and writes
   * nothing.
   */
  public PruningReport dryRun(Checkpoint checkpoint, PruningPlan plan) throws IOException {
    long begin = System.nanoTime();
    Selection selection = Selection.of(checkpoint.tensors(), plan);
    BackendUse use = use(selection);
    Execution execution = execution();
    Map<String, WeightsResult> results =
        run(
            selection,
            plan,
            use,
            execution,
            t -> new CheckpointWeights(checkpoint, t, (tensor, first, bytes) -> {}));
    execution.progress().end();
    return PruningReport.of(plan, selection, results, use, checkpoint.bytes(), execution, begin);
  }

  /** Runs the plan's rules one after the other. */
  private static Map<String, WeightsResult> run(
      Selection selection,
      PruningPlan plan,
      BackendUse use,
      Execution execution,
      Function<Selection.Taken, Weights> weightsOf)
      throws IOException {
    Map<String, WeightsResult> results = new HashMap<>();
    List<PruneTask> tasks = selection.tasks(plan, weightsOf);
    for (int r = 0; r < tasks.size(); r++) {
      List<Weights> weights = tasks.get(r).weights();
      String purpose = tasks.size() == 1 ? "" : " for rule " + (r + 1) + " of the plan";
      List<WeightsResult> done = use.prune(tasks.get(r), purpose, execution);
      for (int i = 0; i < weights.size(); i++) {
        results.put(weights.get(i).name(), done.get(i));
      }
    }
    return results;
  }

  private static void copy(List<CheckpointWriter.Piece> rest, Execution execution)
      throws IOException {
    execution.forEach(
        rest.size(),
        (index, worker) -> {
          execution.checkCancelled();
          CheckpointWriter.Piece piece = rest.get((int) index);
          long begin = System.nanoTime();
          piece.copy(worker.buffer(execution.sliceBytes()), execution::checkCancelled);
          execution.writeNanos.add(System.nanoTime() - begin);
          execution.progress().advance(piece.bytes());
        });
  }

  private Execution execution() {
    return new Execution(
        settings.pool,
        settings.threads,
        settings.sliceBytes,
        settings.cancellation::isCancelled,
        settings.listener,
        settings.stream);
  }

  /**
   * Waits for what is pending and closes the backends; idempotent. A call of another thread goes on
   * to its end, or to its plan's next rule, and closes the backend that it uses.
   */
  @Override
  public void close() {
    pending.forEach(PendingPruning.State::settle);
    candidates.forEach(Candidate::close);
  }

  /** A pruner's settings. */
  public static final class Builder {
    private String backend = Backends.AUTO;
    private Supplier<List<BackendProvider>> providers = Backends::providers;
    private int device;
    private OptionalLong stream = OptionalLong.empty();
    private WorkPool pool = WorkPool.shared();
    private int threads = Integer.MAX_VALUE;
    private int sliceBytes = Execution.SLICE_BYTES;
    private Cancellation cancellation = new Cancellation();
    private ProgressListener listener = ProgressListener.NONE;

    private Builder() {}

    /** Sets the backend: {@code auto}, {@code reference}, {@code native}, {@code cuda}. */
    public Builder backend(String name) {
      backend = name;
      return this;
    }

    /**
     * Sets the CUDA device that {@code cuda} runs on, also where {@code auto} takes it; 0 unless
     * set.
     */
    public Builder device(int ordinal) {
      if (ordinal < 0) {
        throw new IllegalArgumentException("device must be 0 or more, not " + ordinal);
      }
      device = ordinal;
      return this;
    }

    /**
     * Sets the CUDA stream, of the device's primary context, that work on the device goes into, in
     * order with what else is put there; 0 is the default stream. Without one it goes into streams
     * that wait for no other: then whoever wrote to a tensor waits for that before pruning it. It
     * must not be destroyed before the pruner is closed.
     *
     * @param handle what the driver API calls a {@code CUstream}, the runtime a {@code
     *     cudaStream_t}
     */
    public Builder stream(long handle) {
      stream = OptionalLong.of(handle);
      return this;
    }

    /** Sets providers other than those on the class path, the best first. */
    Builder providers(List<BackendProvider> these) {
      providers = () -> these;
      return this;
    }

    /** Sets the most threads of the pool that a call uses at once. */
    public Builder threads(int most) {
      if (most < 1) {
        throw new IllegalArgumentException("threads must be 1 or more, not " + most);
      }
      threads = most;
      return this;
    }

    /** Sets a pool other than the one of the process. */
    public Builder pool(WorkPool other) {
      pool = other;
      return this;
    }

    /**
     * Sets the size of a slice: a thread holds one or a few of them. The result does not depend on
     * it.
     */
    public Builder sliceBytes(int bytes) {
      sliceBytes = bytes;
      return this;
    }

    /** Sets what can stop the pruner's calls. */
    public Builder cancellation(Cancellation by) {
      cancellation = by;
      return this;
    }

    /** Sets who hears of progress. */
    public Builder listener(ProgressListener to) {
      listener = to;
      return this;
    }

    /**
     * Makes the pruner.
     *
     * @throws BackendUnavailableException if the backend that was named cannot be used
     * @throws IllegalArgumentException if there is none of that name, or it runs on no device and
     *     one other than 0 was set
     */
    public Pruner build() {
      return new Pruner(copy());
    }

    private Builder copy() {
      Builder copy = new Builder();
      copy.providers = providers;
      copy.stream = stream;
      return copy.backend(backend)
          .device(device)
          .pool(pool)
          .threads(threads)
          .sliceBytes(sliceBytes)
          .cancellation(cancellation)
          .listener(listener);
    }
  }
}
