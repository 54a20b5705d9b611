package dev.coppice.cuda;

import dev.coppice.Axes;
import dev.coppice.Criterion;
import dev.coppice.DType;
import dev.coppice.NanWeightsException;
import dev.coppice.PositionOrder;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Selection;
import dev.coppice.Selector;
import dev.coppice.Tensor;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WeightsResult;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * Prunes tensors that lie on a CUDA device in the ways that only make sense there: into masks that
 * stay on the device, by scores that are there already, from one tensor into another. {@link
 * dev.coppice.Pruner} prunes tensors in place, wherever they lie.
 *
 * <p>All work goes into one stream. With a stream of the caller's, it follows what the caller put
 * there before; with its own, whoever wrote to a tensor waits for that first. Each call takes the
 * first rule of a plan, whatever selector that has, for all tensors that it is given; the names of
 * tensors decide ties between them and the random criterion; a tensor given without one is called
 * "tensor". Safe for use by several threads.
 */
public final class CudaPruner implements AutoCloseable {
  static final String ALONE = "tensor";

  private final CallQueue queue;
  private final CudaBackend backend;

  private CudaPruner(CallQueue queue) {
    this.queue = queue;
    this.backend = new CudaBackend(queue.device());
  }

  /**
   * Opens a device, with a stream of its own.
   *
   * @throws dev.coppice.BackendUnavailableException if it cannot be used, with the reason
   */
  public static CudaPruner open(int ordinal) {
    return open(ordinal, OptionalLong.empty());
  }

  /**
   * Opens a device for work in that stream of its primary context ({@link CudaTensors#stream}); 0
   * is the default stream. The stream must not be destroyed before the pruner is closed.
   */
  public static CudaPruner open(int ordinal, long stream) {
    return open(ordinal, OptionalLong.of(stream));
  }

  private static CudaPruner open(int ordinal, OptionalLong stream) {
    CudaDevice device = CudaDevice.open(ordinal);
    try {
      return new CudaPruner(new CallQueue(device, stream));
    } catch (RuntimeException e) {
      try (device) {
        throw e;
      }
    }
  }

  /** Gives the mask of what pruning {@code weights} would keep, and leaves them as they are. */
  public CudaMask mask(Tensor weights, PruningPlan plan) {
    return only(masks(Map.of(ALONE, weights), plan));
  }

  /**
   * Does that by scores instead of magnitudes.
   *
   * @param scores F32, of the weights' shape; signs are ignored, NaN is treated as a NaN weight is
   */
  public CudaMask mask(Tensor weights, Tensor scores, PruningPlan plan) {
    return only(masks(Map.of(ALONE, weights), Map.of(ALONE, scores), plan));
  }

  private static CudaMask only(Map<String, CudaMask> masks) {
    return Objects.requireNonNull(masks.get(ALONE));
  }

  /**
   * Gives the masks of what pruning these tensors together would keep, by their names, and leaves
   * the tensors as they are; waits for the device.
   *
   * @throws NanWeightsException if a weight is NaN and the plan does not keep it
   */
  public Map<String, CudaMask> masks(Map<String, Tensor> weights, PruningPlan plan) {
    return masks(weights, Map.of(), plan);
  }

  /** Does that by scores, one F32 tensor for each of the weights. */
  public Map<String, CudaMask> masks(
      Map<String, Tensor> weights, Map<String, Tensor> scores, PruningPlan plan) {
    Selection selection = selection(weights, scores, plan);
    Map<String, CudaMask> made = new TreeMap<>();
    boolean done = false;
    try {
      List<Weights> aimed = new ArrayList<>();
      for (Selection.Taken taken : selection.taken()) {
        String name = taken.tensor().name();
        Tensor tensor = Objects.requireNonNull(weights.get(name));
        CudaMask mask = queue.made(tensor.shape().elements(), (m, call) -> m.clear(call.stream()));
        made.put(name, mask);
        Targets targets = new Targets(0, scoresOf(name, scores), mask.address());
        aimed.add(new Targets.Aimed(taken, tensor, targets));
      }
      prune(aimed, plan);
      done = true;
      return made;
    } catch (NanWeightsException e) {
      throw new NanWeightsException(e.tensor(), e.index(), false); // Nothing is written but masks.
    } finally {
      if (!done) {
        made.values().forEach(CudaMask::close);
      }
      Reference.reachabilityFence(List.of(weights, scores));
    }
  }

  /**
   * Prunes {@code weights} in place by scores, and waits for the device.
   *
   * @param scores F32, of the weights' shape; signs are ignored, NaN is treated as a NaN weight is
   * @throws NanWeightsException if a weight or score is NaN and the plan does not keep it
   */
  public WeightsResult prune(Tensor weights, Tensor scores, PruningPlan plan) {
    return prune(weights, weights, Map.of(ALONE, scores), plan);
  }

  /**
   * Prunes {@code from} into {@code into}, of the same type and shape, and waits for the device;
   * {@code from} stays as it is. The two do not overlap.
   *
   * @throws NanWeightsException if a weight is NaN and the plan does not keep it
   */
  public WeightsResult pruneInto(Tensor from, Tensor into, PruningPlan plan) {
    if (from.dtype() != into.dtype() || !from.shape().equals(into.shape())) {
      throw new IllegalArgumentException(
          "a tensor %s of %s is not pruned into one %s of %s"
              .formatted(from.shape(), from.dtype(), into.shape(), into.dtype()));
    }
    long bytes = from.shape().elements() * from.dtype().bytes();
    if (Math.abs(address("the target", into) - address(ALONE, from)) < bytes) {
      throw new IllegalArgumentException("a tensor is not pruned into one that it overlaps");
    }
    return prune(from, into, Map.of(), plan);
  }

  private WeightsResult prune(
      Tensor from, Tensor into, Map<String, Tensor> scores, PruningPlan plan) {
    Selection selection = selection(Map.of(ALONE, from), scores, plan);
    Targets targets = new Targets(address(ALONE, into), scoresOf(ALONE, scores), 0);
    Weights aimed = new Targets.Aimed(selection.taken().get(0), from, targets);
    try {
      return prune(List.of(aimed), plan).get(0);
    } finally {
      Reference.reachabilityFence(List.of(from, into, scores));
    }
  }

  /**
   * Zeroes what the masks do not keep of the tensors of the same names, in one launch, and does not
   * wait for it. The tensors' memory must stay allocated until the stream has passed this point.
   */
  public void apply(Map<String, CudaMask> kept, Map<String, Tensor> tensors) {
    apply(queue, kept, tensors);
  }

  static void apply(CallQueue queue, Map<String, CudaMask> kept, Map<String, Tensor> tensors) {
    if (!kept.keySet().equals(tensors.keySet())) {
      throw new IllegalArgumentException(
          "masks of %s are not applied to %s".formatted(kept.keySet(), tensors.keySet()));
    }
    List<Part> parts = new ArrayList<>();
    for (Map.Entry<String, CudaMask> each : kept.entrySet()) {
      String name = each.getKey();
      Tensor tensor = Objects.requireNonNull(tensors.get(name));
      if (tensor.shape().elements() != each.getValue().size()) {
        throw new IllegalArgumentException(
            "the mask of \"%s\" is one of %d weights, the tensor has %d"
                .formatted(name, each.getValue().size(), tensor.shape().elements()));
      }
      Targets targets = new Targets(address(queue, name, tensor), 0, each.getValue().address());
      CheckpointTensor described = CheckpointTensor.of(name, tensor);
      Selection.Taken taken = new Selection.Taken(described, 0, new Axes(0, 0));
      parts.add(Part.whole(new Targets.Aimed(taken, tensor, targets), parts.size(), 0));
    }
    if (!parts.isEmpty()) {
      queue.begin(call -> apply(parts, call), List.of(kept, tensors));
    }
  }

  private static void apply(List<Part> parts, DeviceCall call) {
    Slots slots = Slots.allocate(call, parts, Slots.Room.all(call.device()));
    Tables tables = new Tables(call, List.of(), parts.size(), parts.size());
    Tables.Kinds kinds = p -> Tables.Kind.of(p.weights().dtype(), false, new Criterion.Magnitude());
    Tables.Launch slices = tables.add(slots, 0, parts.size(), 0, kinds, Tables::tiles);
    tables.upload();
    Kernel kernel = call.device().kernels().maskApply();
    ByteBuffer p = call.launchBlock().begin();
    p.putLong(slices.slices()).putLong(tables.tallies());
    p.putLong(slices.tiles()).putInt(slices.count()).putInt(0);
    long blocks = call.device().kernels().blocks(kernel, Kernels.MASK_SHARED, slices.tiles());
    call.launch(kernel, blocks, Kernels.MASK_SHARED);
  }

  /** Takes all tensors by the plan's first rule. */
  private Selection selection(
      Map<String, Tensor> weights, Map<String, Tensor> scores, PruningPlan plan) {
    Selector every = new Selector(List.of("*"), List.of(), Selector.Defaults.LIFTED);
    Rule rule = plan.rules().get(0).on(every);
    List<CheckpointTensor> described = new ArrayList<>();
    weights.forEach(
        (name, tensor) -> {
          address(name, tensor);
          described.add(CheckpointTensor.of(name, tensor));
        });
    if (!scores.isEmpty()) {
      requireScores(weights, scores, rule);
    }
    described.sort(Comparator.comparing(CheckpointTensor::name, PositionOrder::compare));
    Selection selection = Selection.of(described, PruningPlan.of(rule));
    for (Selection.LeftAlone left : selection.leftAlone()) {
      throw new IllegalArgumentException(
          "tensor \"%s\" cannot be pruned so: %s".formatted(left.tensor().name(), left.reason()));
    }
    return selection;
  }

  private void requireScores(Map<String, Tensor> weights, Map<String, Tensor> scores, Rule rule) {
    if (!(rule.criterion() instanceof Criterion.Magnitude)) {
      throw new IllegalArgumentException(
          "scores take the place of magnitudes, not of the rule's " + rule.criterion());
    }
    if (!scores.keySet().equals(weights.keySet())) {
      throw new IllegalArgumentException(
          "scores of %s do not rank %s".formatted(scores.keySet(), weights.keySet()));
    }
    scores.forEach(
        (name, tensor) -> {
          address(name, tensor);
          Tensor ranked = Objects.requireNonNull(weights.get(name));
          if (tensor.dtype() != DType.F32 || !tensor.shape().equals(ranked.shape())) {
            throw new IllegalArgumentException(
                "scores of \"%s\" must be %s of F32, not %s of %s"
                    .formatted(name, ranked.shape(), tensor.shape(), tensor.dtype()));
          }
        });
  }

  private long scoresOf(String name, Map<String, Tensor> scores) {
    Tensor tensor = scores.get(name);
    return tensor == null ? 0 : address(name, tensor);
  }

  CallQueue queue() {
    return queue;
  }

  /** Gives where a tensor lies on this device. */
  private long address(String name, Tensor tensor) {
    return address(queue, name, tensor);
  }

  private static long address(CallQueue queue, String name, Tensor tensor) {
    int ordinal = queue.device().context().ordinal();
    return tensor
        .onDevice()
        .filter(a -> a.device() == ordinal)
        .map(DeviceAddress::address)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "\"%s\" does not lie on CUDA device %d, which this pruner uses"
                        .formatted(name, ordinal)));
  }

  private List<WeightsResult> prune(List<Weights> weights, PruningPlan plan) {
    Rule rule = plan.rules().get(0);
    PruneTask task =
        new PruneTask(weights, rule.criterion(), rule.pattern(), plan.nan(), plan.seed());
    try {
      return queue.prune(backend, task);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Memory does not fail.
    }
  }

  /** Waits for the stream, and closes the masks that are open and the device; idempotent. */
  @Override
  public void close() {
    queue.close();
  }
}
