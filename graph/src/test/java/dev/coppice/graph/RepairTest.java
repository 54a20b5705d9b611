package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.ModelProto;
import dev.coppice.DeviceException;
import dev.coppice.DeviceLostException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.reference.ReferenceGram;
import dev.coppice.spi.GramProvider;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class RepairTest {
  /** Next to none: what can be restored must be, to rounding. */
  private static final double EXACT = 1e-9;

  /** A case whose second half of the channels of "h" is a mixture of the first half. */
  @SuppressWarnings("ArrayRecordComponent") // Nobody compares them.
  private record Mixed(String name, ModelBuilder model, long... input) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static ModelBuilder images() {
    return new ModelBuilder()
        .input("x", 4, 3, 9, 11)
        .weight("few", 2, 3, 3, 3)
        .node("Conv", "x few", "f")
        .weight("many", 8, 2, 1, 1)
        .node("Conv", "f many", "h");
  }

  private static ModelBuilder rows() {
    return new ModelBuilder()
        .input("x", 64, 5)
        .weight("few", 5, 3)
        .node("MatMul", "x few", "f")
        .weight("many", 3, 8)
        .node("MatMul", "f many", "m");
  }

  private static ModelBuilder shifted() {
    return rows().weight("shift", 8).node("Add", "m shift", "h");
  }

  static List<Mixed> mixed() {
    long[] image = {4, 3, 9, 11};
    return List.of(
        new Mixed(
            "strides and uneven pads",
            images()
                .weight("w", 5, 8, 3, 2)
                .weight("b", 5)
                .node(
                    "Conv",
                    "h w b",
                    "y",
                    "strides",
                    new long[] {2, 1},
                    "pads",
                    new long[] {1, 0, 2, 1}),
            image),
        new Mixed(
            "dilations, and no bias",
            images()
                .weight("w", 5, 8, 2, 3)
                .node("Conv", "h w", "y", "dilations", new long[] {3, 2}),
            image),
        new Mixed(
            "SAME_UPPER",
            images()
                .weight("w", 5, 8, 2, 3)
                .node("Conv", "h w", "y", "auto_pad", "SAME_UPPER", "strides", new long[] {2, 2}),
            image),
        new Mixed(
            "SAME_LOWER",
            images().weight("w", 5, 8, 4, 2).node("Conv", "h w", "y", "auto_pad", "SAME_LOWER"),
            image),
        new Mixed(
            "groups",
            images().weight("w", 6, 4, 2, 2).weight("b", 6).node("Conv", "h w b", "y", "group", 2L),
            image),
        new Mixed(
            "one axis",
            new ModelBuilder()
                .input("x", 8, 3, 12)
                .weight("few", 2, 3, 1)
                .node("Conv", "x few", "f")
                .weight("many", 8, 2, 1)
                .node("Conv", "f many", "h")
                .weight("w", 5, 8, 3)
                .node("Conv", "h w", "y", "pads", new long[] {2, 0}),
            8,
            3,
            12),
        new Mixed(
            "Gemm with all it has",
            shifted()
                .weight("w", 4, 8)
                .weight("b", 1, 4)
                .node("Gemm", "h w b", "y", "transB", 1L, "alpha", 0.5f, "beta", 2f),
            64,
            5),
        new Mixed(
            "Gemm without a bias", shifted().weight("w", 8, 4).node("Gemm", "h w", "y"), 64, 5),
        new Mixed(
            "MatMul and Add",
            shifted()
                .weight("w", 8, 4)
                .node("MatMul", "h w", "p")
                .weight("b", 4)
                .node("Add", "b p", "y"),
            64,
            5),
        new Mixed(
            "MatMul alone",
            rows().node("Identity", "m", "h").weight("w", 8, 4).node("MatMul", "h w", "y"),
            64,
            5));
  }

  @ParameterizedTest
  @MethodSource("mixed")
  void whatIsAMixtureOfWhatStaysIsRestored(Mixed mixed) throws IOException {
    Pair pair = Pair.of(mixed.model(), "h", mixed.input());
    assertThat(pair.distance(pair.small)).isGreaterThan(0.1);
    Repair repair = pair.repair(EXACT);
    assertThat(repair.skipped()).isEmpty();
    assertThat(pair.distance(repair.model())).isLessThan(2e-5);
    assertThat(repair.layers())
        .singleElement()
        .satisfies(
            layer -> {
              assertThat(layer.name()).isIn("the_y", "the_p");
              assertThat(layer.before()).isGreaterThan(0.1);
              assertThat(layer.after()).isLessThan(1e-3);
            });
  }

  @Test
  void aBranchMakesUpForWhatTheOtherTermHasLost() throws IOException {
    ModelBuilder model =
        new ModelBuilder()
            .input("x", 64, 6)
            .weight("v", 6, 8)
            .node("MatMul", "x v", "h")
            .weight("a", 8, 6)
            .node("MatMul", "h a", "p")
            .node("Add", "x p", "s")
            .weight("b", 6, 6)
            .node("MatMul", "s b", "q")
            .node("Add", "q s", "y");
    Pair pair = Pair.of(model, "h", 64, 6);
    Repair repair = pair.repair(EXACT);
    assertThat(repair.layers()).extracting(Repair.Layer::name).containsExactly("the_p", "the_q");
    assertThat(repair.layers().get(0).after()).as("is lost").isGreaterThan(0.1);
    assertThat(pair.distance(repair.model())).isLessThan(1e-4);
  }

  @Test
  void theSameDataGiveTheSameBytes() throws IOException {
    Mixed mixed = mixed().get(0);
    Pair pair = Pair.of(mixed.model(), "h", mixed.input());
    assertThat(pair.repair(0.1).model()).isEqualTo(pair.repair(0.1).model());
  }

  @Test
  void aConvolutionAndItsBatchNormAreStillOneNodeToOnnxRuntime() throws Exception {
    ModelBuilder model =
        images()
            .weight("w", 5, 8, 3, 3)
            .node("Conv", "h w", "c")
            .weight("scale", 5)
            .weight("shift", 5)
            .weight("mean", 5)
            .ones("variance", 5)
            .node("BatchNormalization", "c scale shift mean variance", "n")
            .node("Relu", "n", "y");
    Pair pair = Pair.of(model, "h", 4, 3, 9, 11);
    Repair repair = pair.repair(EXACT);
    assertThat(repair.layers()).hasSize(1);
    assertThat(pair.distance(repair.model())).isLessThan(2e-5);
    assertThat(OnnxRuntime.optimized(repair.model()))
        .isEqualTo(OnnxRuntime.optimized(pair.small))
        .doesNotContainKey("BatchNormalization");
  }

  @Test
  void aBiasThatIsSharedIsNotChangedForTheOther() throws IOException {
    ModelBuilder model =
        shifted()
            .weight("w", 8, 4)
            .weight("b", 4)
            .node("Gemm", "h w b", "p")
            .node("Mul", "p b", "y");
    Pair pair = Pair.of(model, "h", 64, 5);
    assertThat(pair.distance(pair.repair(EXACT).model())).isLessThan(2e-5);
  }

  @Test
  void whatCannotBeFittedIsNamedWithTheReason() throws IOException {
    skipped(images().weight("w", 8, 3, 2, 2).node("ConvTranspose", "h w", "y"), "ConvTranspose", 4);
    skipped(
        shifted()
            .weight("w", 8, 4)
            .node("MatMul", "h w", "p")
            .node("MatMul", "h w", "q")
            .node("Add", "p q", "y"),
        "used elsewhere",
        64);
    skipped(shifted().weight("w", 3, 8, 4).node("MatMul", "h w", "y"), "stack", 64);
    skipped(shifted().weight("w", 8, 4).weight("c", 64, 4).node("Gemm", "h w c", "y"), "bias", 64);
    skipped(
        shifted()
            .node("Transpose", "h", "t")
            .weight("w", 8, 4)
            .node("Gemm", "t w", "y", "transA", 1L),
        "turned",
        64);
  }

  private static void skipped(ModelBuilder model, String reason, long first) throws IOException {
    long[] input = first == 4 ? new long[] {4, 3, 9, 11} : new long[] {first, 5};
    Pair pair = Pair.of(model, "h", input);
    Repair repair = pair.repair(EXACT);
    assertThat(repair.skipped())
        .isNotEmpty()
        .allSatisfy(skipped -> assertThat(skipped.reason()).contains(reason));
    assertThat(repair.layers()).isEmpty();
    assertThat(pair.distance(repair.model())).isEqualTo(pair.distance(pair.small));
  }

  @Test
  void aLayerThatNothingFlowsIntoIsLeftAsItIs() throws IOException {
    Mixed mixed = mixed().get(6);
    Pair pair = Pair.of(mixed.model(), "h", mixed.input());
    Feeds zeros =
        new Feeds(List.of(Map.of("x", new Feeds.Feed(FloatBuffer.allocate(64 * 5), 64, 5))));
    Repair repair = pair.repairer(zeros, EXACT).repair();
    assertThat(repair.skipped()).extracting(Repair.Skipped::name).containsExactly("the_y");
    assertThat(repair.model()).isEqualTo(pair.small);
  }

  @ParameterizedTest
  @EnumSource(FailingGram.Step.class)
  void whereADeviceFailsUnderAutoTheLayerIsAddedUpAgainInJava(FailingGram.Step step)
      throws IOException {
    Pair pair = Pair.of(mixed().get(4).model(), "h", 4, 3, 9, 11);
    Repair expected = pair.repair(EXACT);
    for (int n = 1; n <= (step == FailingGram.Step.OPEN ? 1 : 2); n++) {
      DeviceException failure = new DeviceOutOfMemoryException(2, 3000, 2000);
      FailingGram device = new FailingGram(1, Optional.of(step), n, failure);
      try (RepairBackend auto = RepairBackend.of("auto", List.of(new ReferenceGram(), device))) {
        Repair repair = pair.repair(auto);
        assertThat(repair.model()).isEqualTo(expected.model());
        assertThat(repair.layers()).isEqualTo(expected.layers());
        assertThat(repair.backend()).isEqualTo("reference");
        assertThat(repair.notes())
            .containsExactly(
                "device is not used to repair: device out of memory: 3,000 bytes asked, 2,000"
                    + " free");
      }
      assertThat(device.alive()).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource(FailingGram.Step.class)
  void aDeviceThatWasNamedAndFailsEndsTheRepair(FailingGram.Step step) throws IOException {
    Pair pair = Pair.of(mixed().get(4).model(), "h", 4, 3, 9, 11);
    DeviceException failure = new DeviceLostException(700, "lost");
    FailingGram device = new FailingGram(1, Optional.of(step), 1, failure);
    List<GramProvider> providers = List.of(new ReferenceGram(), device);
    assertThatThrownBy(
            () -> {
              try (RepairBackend named = RepairBackend.of("device", providers)) {
                pair.repair(named);
              }
            })
        .satisfies(
            e ->
                assertThat(e)
                    .hasMessage(
                        step == FailingGram.Step.OPEN
                            ? "backend device cannot be used to repair: lost"
                            : "lost"));
    assertThat(device.alive()).isZero();
  }

  @Test
  void underAutoADeviceIsUsedForLayersThatAreWorthIt() throws IOException {
    Pair pair = Pair.of(mixed().get(9).model(), "h", 64, 5);
    long multiplications = pair.repair(EXACT).layers().get(0).rows() * 5 * 9;
    for (long least : new long[] {multiplications, multiplications + 1}) {
      FailingGram device = FailingGram.working(least);
      try (RepairBackend auto = RepairBackend.of("auto", List.of(device, new ReferenceGram()))) {
        Repair repair = pair.repair(auto);
        assertThat(repair.backend()).isEqualTo(least == multiplications ? "device" : "reference");
        assertThat(repair.notes()).isEmpty();
      }
      assertThat(device.begun()).isEqualTo(least == multiplications ? 1 : 0);
      assertThat(device.alive()).isZero();
    }
  }

  /** A model, and one without the second half of the channels of a value; and data for both. */
  @SuppressWarnings("ArrayRecordComponent") // Nobody compares them.
  private record Pair(Graph dense, byte[] small, Cut cut, Feeds data, Feeds test) {
    static Pair of(ModelBuilder builder, String value, long... input) {
      Graph dense = builder.output("y").graph();
      Shapes shapes = Shapes.infer(dense, Map.of());
      AxisClasses classes = Coupling.of(dense, shapes);
      Set<Integer> gone = new HashSet<>();
      int groups = dense.nodes().stream().anyMatch(node -> node.has("group")) ? 2 : 1;
      int each = 8 / groups;
      for (int i = 0; i < 8; i++) {
        if (i % each >= each / 2) {
          gone.add(classes.find(classes.atom(value, 1, i)));
        }
      }
      Cut cut = new Cut(classes, gone);
      byte[] small = Surgeon.remove(dense, shapes, cut).toByteArray();
      return new Pair(dense, small, cut, random(6, 1, input), random(2, 2, input));
    }

    private static Feeds random(int batches, long seed, long... shape) {
      Random random = new Random(seed);
      int count = (int) LongStream.of(shape).reduce(1, (a, b) -> a * b);
      List<Map<String, Feeds.Feed>> all = new ArrayList<>();
      for (int batch = 0; batch < batches; batch++) {
        FloatBuffer values = FloatBuffer.allocate(count);
        for (int i = 0; i < count; i++) {
          values.put(i, (float) random.nextGaussian());
        }
        all.add(Map.of("x", new Feeds.Feed(values, shape)));
      }
      return new Feeds(all);
    }

    Repair repair(double damping) throws IOException {
      return repairer(data, damping).repair();
    }

    Repair repair(RepairBackend backend) throws IOException {
      return repairer(data, backend, EXACT).repair();
    }

    Repairer repairer(Feeds feeds, double damping) throws IOException {
      return repairer(feeds, RepairBackend.reference(), damping);
    }

    Repairer repairer(Feeds feeds, RepairBackend backend, double damping) throws IOException {
      Graph graph = Graph.of(ModelProto.parseFrom(small), Path.of("small.onnx"));
      return new Repairer(dense, graph, cut, feeds, backend, damping);
    }

    /** Gives how far a model is from the dense one on other data, relative to its largest value. */
    double distance(byte[] model) throws IOException {
      double furthest = 0;
      double largest = 0;
      try (Calibration.Session a = test.open(dense.model().toByteArray());
          Calibration.Session b = test.open(model)) {
        for (int batch = 0; batch < test.batches(); batch++) {
          FloatBuffer expected = Repairer.of(a.run(batch), "y").values();
          FloatBuffer found = Repairer.of(b.run(batch), "y").values();
          for (int i = 0; i < expected.limit(); i++) {
            double difference = Math.abs(expected.get(i) - (double) found.get(i));
            furthest = Double.isNaN(difference) ? difference : Math.max(furthest, difference);
            largest = Math.max(largest, Math.abs(expected.get(i)));
          }
        }
      }
      return furthest / largest;
    }
  }
}
