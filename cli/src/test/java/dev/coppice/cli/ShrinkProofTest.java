package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.coppice.Cancellation;
import dev.coppice.cli.CommandProcess.Ended;
import dev.coppice.evaluation.Proof;
import dev.coppice.graph.Metric;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinker;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What the command shrink finds out about a model before it writes it. */
class ShrinkProofTest {
  private static final Path ROOT = Path.of(System.getProperty("coppice.root", ".."));
  private static final Path RESNET =
      ROOT.resolve(
          "evaluation/src/main/resources/dev/coppice/evaluation/fashion/fashion-resnet.onnx");
  private static final String HELD = "proof +\\d+ groups cut, none unchecked; in 2 runs ";

  @TempDir Path folder;

  private Path small() {
    return folder.resolve("small.onnx");
  }

  /** Gives the scalar fields of a report, by their paths. */
  private static Map<String, String> fields(Path report) throws IOException {
    Map<String, String> fields = new HashMap<>();
    try (JsonParser json = new JsonFactory().createParser(report.toFile())) {
      for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
        if (token.isScalarValue()) {
          fields.put(json.getParsingContext().pathAsPointer().toString(), json.getText());
        }
      }
    }
    return fields;
  }

  @Test
  void theTransformerAndAMobileClassifierAreProvenBeforeTheyAreWritten() throws IOException {
    Path transformer = folder.resolve("all-minilm-l6-v2.onnx");
    try (InputStream in = ShrinkProofTest.class.getResourceAsStream("/all-minilm-l6-v2.onnx")) {
      assumeTrue(in != null, "all-minilm-l6-v2.onnx is not on the class path");
      Files.copy(in, transformer);
    }
    Invocation shrink = Invocation.of("shrink", transformer, "-o", small(), "--target=macs=0.5");
    assertThat(shrink.err()).isEmpty();
    assertThat(shrink.out()).containsPattern(HELD);
    assertThat(small()).isRegularFile();
    Path mobile = ROOT.resolve("../shared/data/fashion/fashion-mobile.onnx");
    assumeTrue(Files.exists(mobile), "../shared/data/fashion is not there");
    Invocation other =
        Invocation.of("shrink", mobile, "-o", folder.resolve("m.onnx"), "--target=macs=0.5");
    assertThat(other.out()).containsPattern(HELD);
  }

  @Test
  void aModelWhoseProofFailedIsNotWritten() throws IOException {
    ShrinkResult made =
        ShrinkResult.of(
            Shrinker.open(RESNET, Map.of()).shrink(ShrinkRequest.of(Metric.MACS, 0.5)),
            ShrinkRequest.of(Metric.MACS, 0.5));
    ShrinkResult wrong = made.with(new Proof.Failed("output \"logits\" differs by 0.3"));
    assertThatThrownBy(() -> wrong.write(small(), true, RESNET, true))
        .satisfies(
            failure -> {
              assertThat(Failure.of(failure).status()).isEqualTo(ExitStatus.INTERNAL);
              assertThat(Failure.of(failure).message())
                  .contains("nothing was written", "output \"logits\" differs by 0.3");
            });
    assertThat(small()).doesNotExist();
    assertThat(wrong.unchecked()).hasSize(6);
    made.with(new Proof.Held(2, 1e-5, Map.of())).write(small(), true, RESNET, false);
    assertThat(small()).isRegularFile();
  }

  /** Adds an input of text, which nothing random can be drawn for. */
  private Path modelThatReads() throws IOException {
    ModelProto.Builder model = ModelProto.parseFrom(Files.readAllBytes(RESNET)).toBuilder();
    TypeProto text =
        TypeProto.newBuilder()
            .setTensorType(
                TypeProto.Tensor.newBuilder()
                    .setElemType(DataType.STRING.getNumber())
                    .setShape(
                        TensorShapeProto.newBuilder()
                            .addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(1))))
            .build();
    model
        .getGraphBuilder()
        .addInput(ValueInfoProto.newBuilder().setName("name").setType(text))
        .addOutput(ValueInfoProto.newBuilder().setName("again").setType(text))
        .addNode(NodeProto.newBuilder().setOpType("Identity").addInput("name").addOutput("again"));
    return Files.write(folder.resolve("reads.onnx"), model.build().toByteArray());
  }

  @Test
  void whatCannotBeRunIsWrittenOnlyWhereThatIsAskedForAndItsGroupsAreNamed() throws IOException {
    Path model = modelThatReads();
    Invocation refused = Invocation.of("shrink", model, "-o", small(), "--target=macs=0.5");
    assertThat(refused.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(refused.err()).hasLineCount(1).contains("input \"name\"", "--unproved");
    assertThat(small()).doesNotExist();
    Path report = folder.resolve("report.json");
    Invocation written =
        Invocation.of(
            "shrink", model, "-o", small(), "--target=macs=0.5", "--unproved", "--report", report);
    assertThat(written.status()).isZero();
    assertThat(written.err()).hasLineCount(1).contains("nothing was proven");
    assertThat(written.out()).contains("not run; 6 groups unchecked: node_Conv_2");
    assertThat(small()).isRegularFile();
    assertThat(fields(report))
        .containsEntry("/proof/held", "false")
        .containsKey("/proof/unchecked/5")
        .hasEntrySatisfying("/proof/not_run", why -> assertThat(why).contains("\"name\""));
  }

  @Test
  void withoutOnnxRuntimeOneLineSaysWhatToDo() throws IOException, InterruptedException {
    Ended refused =
        CommandProcess.runWithout(
            "onnxruntime",
            folder,
            "shrink",
            RESNET.toAbsolutePath(),
            "-o",
            "s.onnx",
            "--target=macs=0.5");
    assertThat(refused.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(refused.output())
        .hasLineCount(1)
        .contains("ONNX Runtime is not on the class path", "./coppice", "--unproved");
    assertThat(folder).isEmptyDirectory();
    Ended timed =
        CommandProcess.runWithout(
            "onnxruntime",
            folder,
            "shrink",
            RESNET.toAbsolutePath(),
            "--dry-run",
            "--target=latency=0.5");
    assertThat(timed.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(timed.output()).hasLineCount(1).contains("ONNX Runtime is not on the class path");
    Ended demo = CommandProcess.runWithout("onnxruntime", folder, "demo");
    assertThat(demo.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(demo.output()).hasLineCount(1).contains("ONNX Runtime is not on the class path");
    Ended written =
        CommandProcess.runWithout(
            "onnxruntime",
            folder,
            "shrink",
            RESNET.toAbsolutePath(),
            "-o",
            "s.onnx",
            "--target=macs=0.5",
            "--unproved");
    assertThat(written.status()).isZero();
    assertThat(written.output()).contains("nothing was proven", "wrote s.onnx");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void aCommandLineThatOnnxRuntimeDoesNotSurviveIsRefused()
      throws IOException, InterruptedException {
    Ended refused =
        CommandProcess.run(
            folder,
            "shrink",
            RESNET.toAbsolutePath(),
            "-o",
            "s.onnx",
            "--target=macs=0.5",
            "--keep=" + "x".repeat(4000));
    assertThat(refused.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(refused.output()).hasLineCount(1).contains("command line is longer than");
  }

  @Test
  void latencyIsMeasuredWhereItIsAskedForAndReported() throws IOException {
    Path report = folder.resolve("report.json");
    Invocation shrink =
        Invocation.of(
            "shrink",
            RESNET,
            "-o",
            small(),
            "--target=macs=0.3",
            "--latency",
            "-T1",
            "--report",
            report);
    assertThat(shrink.err()).isEmpty();
    assertThat(shrink.out())
        .containsPattern("latency [\\d.]+ -> [\\d.]+ ms, [\\d.]+% left: medians of \\d+ pairs")
        .contains("1 thread,");
    Map<String, String> fields = fields(report);
    assertThat(fields)
        .containsEntry("/latency/threads", "1")
        .containsKeys("/latency/before/low", "/latency/after/high", "/latency/pairs")
        .containsEntry("/proof/held", "true")
        .doesNotContainKey("/request/latency");
    assertThat(number(fields, "/latency/before/median"))
        .isBetween(number(fields, "/latency/before/low"), number(fields, "/latency/before/high"));
    assertThat(number(fields, "/latency/ratio")).isPositive();
  }

  private static double number(Map<String, String> fields, String name) {
    return Double.parseDouble(fields.getOrDefault(name, "nothing"));
  }

  @Test
  void aTargetOfLatencyIsWhatTheReportSaysWasReached() throws IOException {
    Path report = folder.resolve("report.json");
    Invocation shrink =
        Invocation.of(
            "shrink",
            RESNET,
            "-o",
            small(),
            "--target=latency=0.9",
            "--size=image=4x1x28x28",
            "--report",
            report);
    assertThat(shrink.err()).isEmpty();
    assertThat(shrink.out())
        .containsPattern("timed +[\\d.]+% of the multiplications: +[\\d.]+% of the time")
        .containsPattern("again +[\\d.]+% of the multiplications: +[\\d.]+% of the time")
        .contains("% left of 90.00% asked for");
    Map<String, String> fields = fields(report);
    assertThat(number(fields, "/latency/ratio")).isLessThanOrEqualTo(0.9);
    assertThat(fields)
        .containsEntry("/request/latency", "0.9")
        .containsEntry("/proof/held", "true");
    Invocation refused =
        Invocation.of("shrink", RESNET, "-o", folder.resolve("x.onnx"), "--target=latency=0.001");
    assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(refused.err()).hasLineCount(1).contains("cannot be reached: the fastest of ");
    assertThat(folder.resolve("x.onnx")).doesNotExist();
  }

  @Test
  void whatIsShownFitsATerminal() throws IOException {
    Invocation shrink =
        Invocation.with(
            OptionalInt.of(80),
            new Cancellation(),
            "shrink",
            RESNET,
            "-o",
            small(),
            "--target=macs=0.5",
            "--latency");
    assertThat(shrink.out().lines().filter(line -> !line.startsWith("wrote ")))
        .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(80));
    assertThat(shrink.out()).contains("\nlatency ", "\nproof   ", "\n        ");
  }
}
