package dev.coppice.evaluation;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.coppice.evaluation.Agreement.Testimony;
import dev.coppice.evaluation.InputBounds.Range;
import dev.coppice.evaluation.RandomInputs.Impossible;
import dev.coppice.graph.Calibration;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Runs two models, one after the other, on the same inputs. */
final class Prover {
  /** The same inputs each time; two batches, so that a scalar is not always the same. */
  private static final int SEEDS = 2;

  private static final int CALIBRATION_BATCHES = 2;

  /** More than one: what folds an axis with that of the batch goes unnoticed in a batch of one. */
  private static final int BATCH = 2;

  /** What of these has numbers of 1 at most, rounded as such: small ones are no better. */
  private static final Set<String> UP_TO_ONE = Set.of("HardSigmoid", "Sigmoid", "Softmax", "Tanh");

  private static final int THREADS = Math.min(8, Runtime.getRuntime().availableProcessors());

  /** What hides differences of what it is given, or hands it on. */
  private static final Set<String> SQUASHING =
      Set.of(
          "ArgMax", "Cast", "HardSigmoid", "Identity", "LogSoftmax", "Sigmoid", "Softmax", "Tanh");

  private final Map<String, long[]> sizes;
  private final Optional<Calibration> calibration;
  private boolean batched = true;
  private final Set<String> tapped = new LinkedHashSet<>();
  private final Set<String> shares = new HashSet<>();

  /**
   * Prepares to compare models.
   *
   * @param sizes the shapes of their inputs
   */
  Prover(Map<String, long[]> sizes, Optional<Calibration> calibration) {
    this.sizes = Map.copyOf(sizes);
    this.calibration = calibration;
  }

  /**
   * Compares two models; one of them at a time is loaded.
   *
   * @throws IOException if the dense model cannot be run on the calibration data
   */
  Proof prove(Supplier<byte[]> zeroed, Supplier<byte[]> smaller) throws IOException {
    byte[] dense = zeroed.get();
    ModelGraph graph = ModelGraph.of(dense);
    byte[] taps = taps(graph);
    Agreement agreement = Agreement.of(graph, shares);
    Map<String, Range> bounds = InputBounds.of(graph);
    Testimony expected;
    try {
      expected = hear(joined(dense, taps), bounds);
    } catch (OrtException e) {
      return new Proof.NotRun("ONNX Runtime cannot run the dense model: " + line(e));
    } catch (Impossible e) {
      return new Proof.NotRun(line(e));
    }
    try {
      return agreement.between(expected, hear(joined(smaller.get(), taps), bounds));
    } catch (OrtException | Impossible | IOException e) {
      return new Proof.Failed("ONNX Runtime cannot run the smaller model: " + line(e));
    }
  }

  private static String line(Exception e) {
    return String.valueOf(e.getMessage()).strip().replaceAll("\\s*\\R\\s*", " ");
  }

  /**
   * Makes what turns the bytes of a model into one that also gives what the last Sigmoid or Softmax
   * before an output sees, as probabilities hide differences: a message that is appended to another
   * adds to its lists.
   */
  private byte[] taps(ModelGraph graph) {
    Set<String> outputs =
        graph.main().getOutputList().stream()
            .map(ValueInfoProto::getName)
            .collect(Collectors.toSet());
    for (String output : outputs) {
      String value = output;
      NodeProto maker = graph.maker(value);
      while (maker != null && SQUASHING.contains(maker.getOpType())) {
        if (UP_TO_ONE.contains(maker.getOpType())) {
          shares.add(output);
        }
        value = maker.getInput(0);
        maker = graph.maker(value);
      }
      if (maker != null && !outputs.contains(value)) {
        tapped.add(value);
      }
    }
    GraphProto.Builder more = GraphProto.newBuilder();
    tapped.forEach(value -> more.addOutput(ValueInfoProto.newBuilder().setName(value)));
    return ModelProto.newBuilder().setGraph(more).build().toByteArray();
  }

  private static byte[] joined(byte[] model, byte[] more) {
    byte[] both = Arrays.copyOf(model, Math.addExact(model.length, more.length));
    System.arraycopy(more, 0, both, model.length, more.length);
    return both;
  }

  private Testimony hear(byte[] model, Map<String, Range> bounds)
      throws OrtException, Impossible, IOException {
    List<Map<String, Answer>> runs = new ArrayList<>();
    List<String> declared = new ArrayList<>();
    try (OnnxModel session = OnnxModel.open(model, THREADS)) {
      session.inputInfo().values().forEach(input -> declared.add("input " + text(input)));
      session.outputInfo().values().stream()
          .filter(output -> !tapped.contains(output.getName()))
          .forEach(output -> declared.add("output " + text(output)));
      try {
        runs.addAll(runs(session, new RandomInputs(bounds, batched ? inBatches(session) : sizes)));
      } catch (OrtException e) {
        if (!batched) {
          throw e;
        }
        batched = false; // The model takes no more than one at a time.
        runs.addAll(runs(session, new RandomInputs(bounds, sizes)));
      }
    }
    if (calibration.isPresent()) {
      try (Calibration.Session session = calibration.get().open(model)) {
        for (int i = 0; i < Math.min(CALIBRATION_BATCHES, calibration.get().batches()); i++) {
          Map<String, Answer> answers = new LinkedHashMap<>();
          session.run(i).forEach((name, output) -> answers.put(name, Answer.of(output)));
          runs.add(answers);
        }
      }
    }
    return new Testimony(declared, runs);
  }

  private static String text(NodeInfo value) {
    return value.getInfo() instanceof TensorInfo info
        ? "\"%s\" of %s %s".formatted(value.getName(), info.type, Arrays.toString(info.getShape()))
        : value.toString();
  }

  /** Gives the sizes with a batch of two where the first axis is open. */
  private Map<String, long[]> inBatches(OnnxModel session) throws OrtException {
    Map<String, long[]> shapes = new HashMap<>(sizes);
    for (NodeInfo input : session.inputInfo().values()) {
      long[] shape = sizes.get(input.getName());
      if (shape != null
          && input.getInfo() instanceof TensorInfo info
          && info.getShape().length > 0
          && info.getShape()[0] < 0) {
        long[] two = shape.clone();
        two[0] = BATCH;
        shapes.put(input.getName(), two);
      }
    }
    return shapes;
  }

  private static List<Map<String, Answer>> runs(OnnxModel session, RandomInputs inputs)
      throws OrtException, Impossible {
    List<Map<String, Answer>> runs = new ArrayList<>();
    for (int seed = 0; seed < SEEDS; seed++) {
      Map<String, OnnxTensor> tensors = inputs.draw(session, seed);
      try (OrtSession.Result result = session.run(tensors)) {
        Map<String, Answer> answers = new LinkedHashMap<>();
        for (Map.Entry<String, OnnxValue> output : result) {
          if (!(output.getValue() instanceof OnnxTensor tensor)) {
            throw new Impossible("the output \"" + output.getKey() + "\" is no tensor");
          }
          answers.put(output.getKey(), Answer.of(tensor));
        }
        runs.add(answers);
      } finally {
        tensors.values().forEach(OnnxTensor::close);
      }
    }
    return runs;
  }
}
