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

  private final ModelProto small;
  private final Graph graph;
  private final Cut cut;
  private final List<Part> parts;
  private final Costs before;
  private final Costs after;

  Shrinkage(ModelProto small, Graph graph, Cut cut, List<Part> parts, Costs before, Costs after) {
    this.small = small;
    this.graph = graph;
    this.cut = cut;
    this.parts = List.copyOf(parts);
    this.before = before;
    this.after = after;
  }

  /** Gives all groups of the model, with what is left of each. */
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

  /** Gives what each layer of the smaller model costs, in the order of the graph. */
  public Map<String, Double> layersAfter(Metric metric) {
    return after.layers(metric);
  }

  /** Gives the smaller model as the bytes of a file. */
  public byte[] model() {
    return small.toByteArray();
  }

  /**
   * Gives the dense model with zeros in place of everything that was removed, as the bytes of a
   * file: what it answers is what the smaller model must answer.
   */
  public byte[] zeroed() {
    return Surgeon.zero(graph, cut).toByteArray();
  }

  /**
   * Fits the weights of all that lost inputs, so that it comes as close as it can to what it made
   * in the dense model; nothing is trained. Takes about 1 GiB at most beside the models.
   *
   * @param calibration data for the dense model: a few hundred images or sentences
   * @throws IOException if a model cannot be run
   */
  public Repair repair(Calibration calibration) throws IOException {
    Graph found = Graph.of(small, graph.path());
    return new Repairer(graph, found, cut, calibration, Repairer.DAMPING).repair();
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
