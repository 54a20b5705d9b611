package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A smaller model, and what was done to make it. */
public final class Shrinkage {
  /**
   * What is left of a group.
   *
   * @param group the group
   * @param kept how many of its units stay
   */
  public record Part(Group group, int kept) {}

  /**
   * A block that could be removed.
   *
   * @param block the block
   * @param influence how much it changes what flows through it: 1 less the mean cosine
   * @param kept whether it stays
   */
  public record Layer(Block block, double influence, boolean kept) {}

  private final ModelProto small;
  private final Graph graph;
  private final Cut cut;
  private final List<Part> parts;
  private final Costs before;
  private final Costs after;
  private final List<Layer> blocks;
  private final Map<String, double[]> folded;
  private final RepairBackend repairs;

  /**
   * Holds what it is given.
   *
   * @param folded what was added to the outputs of products, by their names
   * @param repairs adds up what repairs solve
   */
  Shrinkage(
      ModelProto small,
      Graph graph,
      Cut cut,
      Map<String, double[]> folded,
      List<Part> parts,
      Costs before,
      Costs after,
      RepairBackend repairs) {
    this(small, graph, cut, folded, parts, before, after, repairs, List.of());
  }

  private Shrinkage(
      ModelProto small,
      Graph graph,
      Cut cut,
      Map<String, double[]> folded,
      List<Part> parts,
      Costs before,
      Costs after,
      RepairBackend repairs,
      List<Layer> blocks) {
    this.repairs = repairs;
    this.small = small;
    this.graph = graph;
    this.cut = cut;
    this.folded = folded;
    this.parts = List.copyOf(parts);
    this.before = before;
    this.after = after;
    this.blocks = List.copyOf(blocks);
  }

  /** Gives the same as part of what was done to a model that had more blocks. */
  Shrinkage in(Shrinker dense, List<Layer> layers) {
    List<Block> gone = layers.stream().filter(l -> !l.kept()).map(Layer::block).toList();
    return new Shrinkage(
        small,
        Bypass.around(dense.graph(), gone),
        cut,
        folded,
        parts,
        dense.costs(),
        after,
        repairs,
        layers);
  }

  /** Gives the blocks of the dense model, where layers were to go; otherwise none. */
  public List<Layer> blocks() {
    return blocks;
  }

  /** Gives all groups of the model without the blocks that went, with what is left of each. */
  public List<Part> parts() {
    return parts;
  }

  /** Gives what the dense model costs. */
  public double before(Metric metric) {
    return before.total(metric);
  }

  /** Gives what the smaller model costs. */
  public double after(Metric metric) {
    return after.total(metric);
  }

  /** Gives what each layer of the dense model costs, in the order of the graph. */
  public Map<String, Double> layersBefore(Metric metric) {
    return before.layers(metric);
  }

  /** Gives what is left of each layer of the dense model, in the order of the graph. */
  public Map<String, Double> layersAfter(Metric metric) {
    Map<String, Double> layers = before.layers(metric);
    layers.replaceAll((layer, cost) -> 0.0);
    layers.putAll(after.layers(metric));
    return layers;
  }

  /** Gives the smaller model as the bytes of a file. */
  public byte[] model() {
    return small.toByteArray();
  }

  /**
   * Gives the dense model with zeros in place of all units that were removed, and nothing reading
   * the blocks that were, and with the constants that were moved into biases, as the bytes of a
   * file: what it answers is what the smaller model must answer.
   */
  public byte[] zeroed() {
    Folded dense = Folded.of(graph, folded);
    return Surgeon.zero(dense.graph(), cut.with(dense.likes())).toByteArray();
  }

  /**
   * Fits the weights of all that lost inputs, so that it comes as close as it can to what it made
   * in the dense model, without the blocks that went; nothing is trained. Memory grows with the
   * square of how many numbers an output of a layer sums over; layers of more than 4,608 are left.
   * On one backend and machine weights are the same in each run; on another backend they may differ
   * in the last bits.
   *
   * @param calibration data for the dense model: a few hundred images or sentences
   * @throws IOException if a model cannot be run
   * @throws dev.coppice.DeviceException if a device fails that was {@linkplain RepairBackend#named
   *     named}
   */
  public Repair repair(Calibration calibration) throws IOException {
    Graph found = Graph.of(small, graph.path());
    return new Repairer(graph, found, cut, calibration, repairs, Repairer.DAMPING).repair();
  }

  /**
   * Writes the smaller model as a file that appears whole or not at all.
   *
   * @param overwrite whether an existing file is replaced; never the dense model
   * @throws java.nio.file.FileAlreadyExistsException if it exists and may not be replaced
   */
  public void write(Path file, boolean overwrite) throws IOException {
    ModelFile.write(small, file, overwrite, graph.path());
  }
}
