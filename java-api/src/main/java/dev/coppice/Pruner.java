package dev.coppice;

import dev.coppice.PruningReport.Seconds;
import dev.coppice.PruningReport.TensorReport;
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
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
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
    List<CheckpointTensor> described =
        tensors.entrySet().stream()
            .map(e -> TensorWeights.describe(e.getKey(), e.getValue()))
            .toList();
    Selection selection = Selection.of(described, plan);
    BackendUse use =
        DeviceTensors.of(selection, tensors, settings.device)
            .map(found -> found.use(candidates, isAuto()))
            .orElseGet(() -> use(selection));
    Execution execution = execution();
    try {
      Map<String, WeightsResult> results =
          run(
              selection,
              plan,
              use,
              execution,
              t -> new TensorWeights(t, Objects.requireNonNull(tensors.get(t.tensor().name()))));
      execution.progress().end();
      long bytes = described.stream().mapToLong(CheckpointTensor::bytes).sum();
      return report(plan, selection, results, use, bytes, execution, begin);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Memory does not fail.
    } finally {
      Reference.reachabilityFence(tensors); // A backend may have no more than their addresses.
    }
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
      return report(plan, selection, results, use, checkpoint.bytes(), execution, begin);
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
    return report(plan, selection, results, use, checkpoint.bytes(), execution, begin);
  }

  private interface WeightsOf {
    Weights of(Selection.Taken taken);
  }

  /** Runs the plan's rules one after the other. */
  private Map<String, WeightsResult> run(
      Selection selection,
      PruningPlan plan,
      BackendUse use,
      Execution execution,
      WeightsOf weightsOf)
      throws IOException {
    Map<String, WeightsResult> results = new HashMap<>();
    for (int r = 0; r < plan.rules().size(); r++) {
      Rule rule = plan.rules().get(r);
      List<Weights> weights = new ArrayList<>();
      for (Selection.Taken taken : selection.taken()) {
        if (taken.rule() == r) {
          weights.add(weightsOf.of(taken));
        }
      }
      weights.sort(Comparator.comparing(Weights::name, PositionOrder::compare));
      PruneTask task =
          new PruneTask(weights, rule.criterion(), rule.pattern(), plan.nan(), plan.seed());
      String purpose = plan.rules().size() == 1 ? "" : " for rule " + (r + 1) + " of the plan";
      List<WeightsResult> done = use.prune(task, purpose, execution);
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

  private PruningReport report(
      PruningPlan plan,
      Selection selection,
      Map<String, WeightsResult> results,
      BackendUse use,
      long bytes,
      Execution execution,
      long begin) {
    List<TensorReport> tensors = new ArrayList<>();
    for (Selection.Taken taken : selection.taken()) {
      WeightsResult done = Objects.requireNonNull(results.get(taken.tensor().name()));
      tensors.add(
          new TensorReport(
              taken.tensor(),
              taken.rule(),
              done.pruned(),
              done.newlyZero(),
              done.zeros(),
              done.nans()));
    }
    double each = 1e-9 / execution.threads();
    Seconds seconds =
        new Seconds(
            execution.readNanos.sum() * each,
            execution.pruneNanos.sum() * each,
            execution.writeNanos.sum() * each,
            (System.nanoTime() - begin) * 1e-9);
    return new PruningReport(
        use.backend(),
        use.notes(),
        plan,
        List.copyOf(tensors),
        selection.leftAlone(),
        bytes,
        seconds);
  }

  private Execution execution() {
    return new Execution(
        settings.pool,
        settings.threads,
        settings.sliceBytes,
        settings.cancellation::isCancelled,
        settings.listener);
  }

  /** Closes the backends; idempotent. */
  @Override
  public void close() {
    candidates.forEach(Candidate::close);
  }

  /** A pruner's settings. */
  public static final class Builder {
    private String backend = Backends.AUTO;
    private Supplier<List<BackendProvider>> providers = Backends::providers;
    private int device;
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
