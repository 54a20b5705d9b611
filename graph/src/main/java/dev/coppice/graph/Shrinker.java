package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Glob;
import dev.coppice.InvalidPlanException;
import dev.coppice.graph.Group.Kind;
import dev.coppice.graph.ShrinkRequest.Criterion;
import dev.coppice.reference.ReferenceProvider;
import dev.coppice.spi.Backend;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Removes channels, heads, neurons and layers from an ONNX model, with everything that depends on
 * them. It holds the model in memory and does not change it; several threads may use it.
 */
public final class Shrinker {
  private final Graph graph;
  private final Shapes shapes;
  private final AxisClasses classes;
  private final List<Group> groups;
  private final List<Reduction> reductions;
  private final Map<String, long[]> sizes;
  private final Shapes sized;
  private final Uses uses;
  private final SliceSums sliceSums;
  private final RepairBackend repairs;

  private Shrinker(
      Graph graph, Map<String, long[]> given, SliceSums sliceSums, RepairBackend repairs) {
    this.sliceSums = sliceSums;
    this.repairs = repairs;
    this.graph = graph;
    this.shapes = Shapes.infer(graph, Map.of());
    this.classes = Coupling.of(graph, shapes);
    this.groups = Groups.of(graph, classes);
    this.reductions = Reduction.in(graph, shapes);
    this.sizes = InputSizes.of(graph, shapes, given);
    this.sized = Shapes.infer(graph, sizes);
    this.uses = new Uses(graph);
  }

  private Shrinker(Shrinker same, SliceSums sliceSums, RepairBackend repairs) {
    this.sliceSums = sliceSums;
    this.repairs = repairs;
    this.graph = same.graph;
    this.shapes = same.shapes;
    this.classes = same.classes;
    this.groups = same.groups;
    this.reductions = same.reductions;
    this.sizes = same.sizes;
    this.sized = same.sized;
    this.uses = same.uses;
  }

  /**
   * Reads a model and finds out what can be removed from it.
   *
   * @param sizes shapes of the graph's inputs that costs are counted for, by name; an axis of an
   *     open size that has none counts 1 as the first of its input, 224 in an image, 128 otherwise
   * @throws CheckpointFormatException if the file is damaged, or no model that can be shrunk
   * @throws InvalidPlanException if a size is given for what is no input, or that contradicts it
   */
  public static Shrinker open(Path file, Map<String, long[]> sizes) throws IOException {
    SliceSums sums = new SliceSums(new ReferenceProvider().create(0));
    Graph graph = ModelFile.read(file);
    if (graph.nodes().stream().anyMatch(node -> node.op().equals(Sparsifier.OPERATOR))) {
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED,
          file,
          "has compressed layers (SparseLinear), of which nothing can go: prune and shrink a model"
              + " first, then sparsify it");
    }
    return new Shrinker(graph, sizes, sums, RepairBackend.reference());
  }

  /**
   * Gives the same with scores that {@code backend} computes instead of the reference backend; what
   * goes does not depend on it. The backend stays open as long as this is used.
   */
  public Shrinker on(Backend backend) {
    return new Shrinker(this, new SliceSums(backend), repairs);
  }

  /**
   * Gives the same with repairs on {@code backend} instead of plain Java; it stays open as long as
   * this is used.
   */
  public Shrinker repairingOn(RepairBackend backend) {
    return new Shrinker(this, sliceSums, backend);
  }

  /** Names what may add up the sums of a repair, as {@link RepairBackend#runsOn} does. */
  public String repairsOn() {
    return repairs.runsOn();
  }

  /** Gives the name of the backend that computes scores. */
  public String backend() {
    return sliceSums.backend();
  }

  /** Gives the bytes of the model's weights. */
  public long weightBytes() {
    return Math.round(costs().total(Metric.BYTES));
  }

  /**
   * Gives a model as the bytes of one file: what it keeps in other files of its folder is inside.
   *
   * @throws CheckpointFormatException if the file is damaged, or no model that can be shrunk
   */
  public static byte[] bytes(Path file) throws IOException {
    return ModelFile.read(file).model().toByteArray();
  }

  /** Gives the groups of what can be removed, in the order of the graph. */
  public List<Group> groups() {
    return groups;
  }

  /** Gives the shapes of the graph's inputs that costs are counted for. */
  public Map<String, long[]> sizes() {
    return Collections.unmodifiableMap(sizes);
  }

  /** Gives what removing the first unit of a group would save of the dense model. */
  public Map<Metric, Double> saving(Group group) {
    Costs costs = costs();
    Map<Metric, Double> savings = new EnumMap<>(Metric.class);
    for (Metric metric : Metric.values()) {
      savings.put(metric, costs.saving(List.of(group.units().get(0).classId()), metric));
    }
    return savings;
  }

  /** Gives the axes of weights that cannot be cut, with the reason for each. */
  public List<Frozen> frozen() {
    List<Frozen> frozen = new ArrayList<>();
    for (Node node : graph.nodes()) {
      if (!Groups.PRODUCTS.contains(node.op())) {
        continue;
      }
      for (String input : List.of(node.input(0), node.input(1))) {
        int axes = node.op().startsWith("Conv") ? 2 : classes.rank(input);
        for (int axis = 0; graph.tensor(input) != null && axis < axes; axis++) {
          if (classes.has(input, axis) && classes.isFrozen(input, axis)) {
            String why = classes.frozen(classes.atom(input, axis, 0)).orElse("");
            frozen.add(new Frozen(node.name(), input, axis, why));
          }
        }
      }
    }
    return frozen;
  }

  /** Gives the blocks that could be removed whole, in the order of the graph. */
  public List<Block> blocks() {
    return Blocks.of(graph, shapes);
  }

  Graph graph() {
    return graph;
  }

  /** Gives the same for the model without some of its blocks. */
  Shrinker without(List<Block> gone) {
    return new Shrinker(Bypass.without(graph, gone), sizes, sliceSums, repairs);
  }

  /** Gives what the model costs without some of its blocks. */
  double cost(List<Block> gone, Metric metric) {
    Graph left = Bypass.without(graph, gone);
    return new Costs(left, Shapes.infer(left, sizes), new AxisClasses(left.path())).total(metric);
  }

  Costs costs() {
    return new Costs(graph, sized, classes);
  }

  /**
   * Chooses what goes and makes the smaller model; nothing is written.
   *
   * @throws InvalidPlanException if the target cannot be reached, a name to keep is of no group, no
   *     group has what the criterion looks at, or calibration data is needed
   */
  public Shrinkage shrink(ShrinkRequest request) {
    if (request.kinds().contains(Kind.LAYERS)) {
      throw new InvalidPlanException(
          "layers are chosen by what calibration data says of them, and there is none");
    }
    if (request.criterion() == Criterion.ACTIVATION) {
      throw new InvalidPlanException(
          "the criterion activation looks at calibration data, and there is none");
    }
    checkKeep(request);
    return ranked(request, Map.of()).reach();
  }

  /**
   * Chooses what goes, with calibration data for what looks at it, and makes the smaller model;
   * nothing is written.
   *
   * @throws InvalidPlanException if the target cannot be reached, or a name to keep is of no group
   *     and no block
   * @throws IOException if the model cannot be run
   */
  public Shrinkage shrink(ShrinkRequest request, Calibration calibration) throws IOException {
    checkKeep(request);
    return request.kinds().contains(Kind.LAYERS)
        ? new Depth(this, request, calibration).shrink()
        : cut(request, calibration);
  }

  Shrinkage cut(ShrinkRequest request, Calibration calibration) throws IOException {
    return ranked(request, losses(request, calibration)).reach();
  }

  /** Gives what products lose that sum over what may go; nothing unless the criterion asks. */
  private Map<Reduction, Damage.Loss> losses(ShrinkRequest request, Calibration calibration)
      throws IOException {
    if (request.criterion() != Criterion.ACTIVATION) {
      return Map.of();
    }
    Set<Slot> slots =
        open(request).stream().flatMap(group -> group.slots().stream()).collect(Collectors.toSet());
    List<Reduction> cuttable =
        reductions.stream().filter(reduction -> slots.contains(reduction.slot())).toList();
    return cuttable.isEmpty() ? Map.of() : Damage.measure(graph, sized, cuttable, calibration);
  }

  private Ranked ranked(ShrinkRequest request, Map<Reduction, Damage.Loss> losses) {
    Folding folding = folding();
    return new Ranked(this, request, rankings(request, losses, folding), folding);
  }

  /**
   * Ranks the units that may go, for several models of which each keeps what it is told to.
   *
   * @param request its target does not count
   * @param calibration where the criterion looks at activations
   * @throws InvalidPlanException if a name to keep is of no group, no group has what the criterion
   *     looks at, layers are to go, or calibration data is needed
   * @throws IOException if the model cannot be run
   */
  public Ranked rank(ShrinkRequest request, Optional<Calibration> calibration) throws IOException {
    boolean layers = request.kinds().contains(Kind.LAYERS);
    if (layers || (request.criterion() == Criterion.ACTIVATION && calibration.isEmpty())) {
      throw new InvalidPlanException(
          layers
              ? "layers have no units to be ranked"
              : "the criterion activation looks at calibration data, and there is none");
    }
    checkKeep(request);
    return ranked(request, calibration.isPresent() ? losses(request, calibration.get()) : Map.of());
  }

  private Folding folding() {
    return new Folding(graph, shapes, classes, reductions);
  }

  /** Makes the model as it is. */
  Shrinkage whole() {
    return without(Set.of(), folding());
  }

  /** Makes the model without some units. */
  Shrinkage without(Set<Integer> gone, Folding folding) {
    Costs small = costs();
    small.remove(List.copyOf(gone));
    Cut cut = new Cut(classes, gone);
    Map<String, double[]> sums = folding.sums(cut);
    Folded folded = Folded.of(graph, sums);
    ModelProto made = Surgeon.remove(folded.graph(), shapes, cut.with(folded.likes()));
    if (!sums.isEmpty()) {
      // A product that had no bias may have one now.
      Graph left = Graph.of(made, graph.path());
      small = new Costs(left, Shapes.infer(left, sizes), new AxisClasses(left.path()));
    }
    return new Shrinkage(made, graph, cut, sums, parts(gone), costs(), small, repairs);
  }

  private Map<Group, Ranking> rankings(
      ShrinkRequest request, Map<Reduction, Damage.Loss> losses, Folding folding) {
    Importance importance =
        new Importance(graph, reductions, losses, sliceSums, request.criterion(), request.seed());
    Map<Group, Ranking> rankings = new LinkedHashMap<>();
    for (Group group : open(request)) {
      importance
          .of(group, unit -> folding.isFree(group, unit))
          .ifPresent(ranking -> rankings.put(group, ranking));
    }
    if (rankings.isEmpty() && request.criterion() == Criterion.BN_SCALE) {
      throw new InvalidPlanException(
          "the criterion bn-scale looks at batch norms, and no group has one; exporters merge them"
              + " into convolutions");
    }
    return rankings;
  }

  private List<Shrinkage.Part> parts(Set<Integer> gone) {
    return groups.stream()
        .map(
            group ->
                new Shrinkage.Part(
                    group,
                    (int)
                        group.units().stream()
                            .filter(unit -> !gone.contains(unit.classId()))
                            .count()))
        .toList();
  }

  private void checkKeep(ShrinkRequest request) {
    List<Block> blocks =
        request.kinds().contains(Kind.LAYERS) && !request.keep().isEmpty() ? blocks() : List.of();
    for (String name : request.keep()) {
      Glob glob = Glob.of(name);
      if (groups.stream().noneMatch(group -> isNamed(group, glob))
          && blocks.stream().noneMatch(block -> block.isNamed(glob))) {
        throw new InvalidPlanException("nothing that could be removed is named \"" + name + "\"");
      }
    }
  }

  /** Gives the groups of the kinds that may go and that nothing says to keep. */
  private List<Group> open(ShrinkRequest request) {
    List<Glob> globs = request.keep().stream().map(Glob::of).toList();
    return groups.stream()
        .filter(group -> request.kinds().contains(group.kind()))
        .filter(group -> globs.stream().noneMatch(glob -> isNamed(group, glob)))
        .toList();
  }

  private boolean isNamed(Group group, Glob glob) {
    Set<String> names = group.slots().stream().map(Slot::tensor).collect(Collectors.toSet());
    return names.stream().anyMatch(glob::matches)
        || names.stream()
            .flatMap(tensor -> uses.of(tensor).stream())
            .anyMatch(node -> glob.matches(node.name()));
  }
}
