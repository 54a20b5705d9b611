package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.coppice.Cancellation;
import dev.coppice.cli.CommandProcess.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdviseCommandTest {
  private static final Path ROOT = Path.of(System.getProperty("coppice.root", ".."));
  private static final Path RESNET =
      ROOT.resolve(
              "evaluation/src/main/resources/dev/coppice/evaluation/fashion/fashion-resnet.onnx")
          .toAbsolutePath();

  @TempDir Path folder;

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
  void smallerModelsAndZerosAreTimedAndAVerdictFollows() throws IOException {
    Path model = Files.copy(RESNET, folder.resolve("m.onnx"));
    Path report = folder.resolve("report.json");
    Invocation advise =
        Invocation.with(
            OptionalInt.of(80), new Cancellation(), "advise", model, "-T1", "--report", report);
    assertThat(advise.err()).isEmpty();
    assertThat(advise.status()).isZero();
    assertThat(advise.out())
        .contains("1 thread", "image=1x1x28x28")
        .containsPattern("\ndense +1\\.000 +1\\.000 ")
        .containsPattern("\nshrink 0\\.75 global +0\\.7")
        .containsPattern("\nshrink 0\\.35 tensor +0\\.3")
        .containsPattern("\nzeros +2:4 +1\\.000 ")
        .contains("\nZeros alone ", "\nSparsify was not tried: ");
    assertThat(advise.out().lines()).allMatch(line -> line.length() <= 80);
    Map<String, String> fields = fields(report);
    assertThat(fields)
        .containsEntry("/version", "1")
        .containsEntry("/sizes/image/3", "28")
        .containsEntry("/shrunk/5/target", "0.35")
        .containsEntry("/shrunk/5/scope", "tensor")
        .containsEntry("/zeros/0/pattern", "50 %")
        .containsKeys(
            "/dense/deflated",
            "/room/least",
            "/shrunk/0/latency/before/low",
            "/zeros/1/latency/ratio",
            "/zeros/0/sparsified/untried",
            "/verdict/text")
        .doesNotContainKeys("/metric", "/dense/quality");
    assertThat(Long.parseLong(fields.getOrDefault("/zeros/0/deflated", "")))
        .isLessThan(Long.parseLong(fields.getOrDefault("/dense/deflated", "0")));
    assertThat(fields.get("/verdict/kind")).isIn("pays", "nothing");
  }

  @Test
  void whereLayersAreLargeSparsifyIsTimedToo() throws IOException {
    new SparsifyCommandTest().requireTheLibrary();
    Path model = new LinearModel(4096, -1).matMul(4096, 4096, 0).write(folder.resolve("m.onnx"));
    Path report = folder.resolve("report.json");
    Invocation advise = Invocation.of("advise", model, "-T1", "--report", report);
    assertThat(advise.err()).isEmpty();
    assertThat(advise.out())
        .containsPattern("\nsparsify 50 % +\\d\\.\\d{3} .* 35\\.\\d MB")
        .containsPattern("\nsparsify 2:4 +\\d\\.\\d{3} ")
        .containsPattern("\nSparsify (pays|does not pay): ");
    Map<String, String> fields = fields(report);
    assertThat(fields)
        .containsKeys("/zeros/0/sparsified/bytes", "/zeros/1/sparsified/latency/ratio");
    boolean pays = advise.out().contains("Sparsify pays");
    assertThat(advise.out().contains("\n  coppice sparsify pruned.onnx")).isEqualTo(pays);
    assertThat(fields.containsKey("/verdict/sparsify/1")).isEqualTo(pays);
  }

  @Test
  void withDataTheQualityOfEachModelIsMeasured() throws IOException {
    Path data = ROOT.resolve("../shared/data/fashion");
    assumeTrue(Files.exists(data), "../shared/data/fashion is not there");
    Path report = folder.resolve("report.json");
    Invocation advise =
        Invocation.of(
            "advise",
            RESNET,
            "--samples=64",
            "--eval-samples=200",
            "--calibration",
            data,
            "--eval",
            data + ":accuracy",
            "--report",
            report);
    assertThat(advise.err()).isEmpty();
    assertThat(advise.out()).containsPattern("file +accuracy\n");
    Map<String, String> fields = fields(report);
    double dense = Double.parseDouble(fields.getOrDefault("/dense/quality", "0"));
    assertThat(dense).isGreaterThan(0.9);
    assertThat(Double.parseDouble(fields.getOrDefault("/shrunk/0/quality", "0")))
        .isGreaterThan(dense - 0.1);
    assertThat(fields).containsEntry("/shrunk/0/repaired", "true");
  }

  /** A model that gives back what it is given, of a type. */
  private Path echo(DataType type) throws IOException {
    TypeProto tensor =
        TypeProto.newBuilder()
            .setTensorType(
                TypeProto.Tensor.newBuilder()
                    .setElemType(type.getNumber())
                    .setShape(
                        TensorShapeProto.newBuilder()
                            .addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(2))))
            .build();
    ModelProto model =
        ModelProto.newBuilder()
            .setIrVersion(8)
            .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
            .setGraph(
                GraphProto.newBuilder()
                    .setName("echo")
                    .addInput(ValueInfoProto.newBuilder().setName("word").setType(tensor))
                    .addOutput(ValueInfoProto.newBuilder().setName("again").setType(tensor))
                    .addNode(
                        NodeProto.newBuilder()
                            .setName("echo")
                            .setOpType("Identity")
                            .addInput("word")
                            .addOutput("again")))
            .build();
    return Files.write(folder.resolve("echo.onnx"), model.toByteArray());
  }

  @Test
  void ofAModelWithoutProductsThereIsNothingToRemove() throws IOException {
    Invocation advise = Invocation.of("advise", echo(DataType.FLOAT));
    assertThat(advise.err()).isEmpty();
    assertThat(advise.status()).isZero();
    assertThat(advise.out())
        .doesNotContain("NaN", "shrink 0.")
        .contains("Nothing pays here: the model has no convolutions or matrix products")
        .contains("Zeros alone: no weight");
  }

  @Test
  void whatCannotBeRunOrReadIsRefusedInOneLine() throws IOException {
    Invocation text = Invocation.of("advise", echo(DataType.STRING));
    assertThat(text.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(text.err()).hasLineCount(1).contains("input \"word\"");
    assertThat(Invocation.of("advise", folder.resolve("gone.onnx")).status())
        .isEqualTo(ExitStatus.NO_INPUT);
    Path junk = Files.writeString(folder.resolve("junk.onnx"), "once upon a time");
    assertThat(Invocation.of("advise", junk).status()).isEqualTo(ExitStatus.DATA);
    Path old = Files.writeString(folder.resolve("old.json"), "mine");
    Invocation exists = Invocation.of("advise", RESNET, "--report", old);
    assertThat(exists.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(old).hasContent("mine");
    for (String wrong : List.of("-T0", "--size=image", "--size=image=2x3", "--eval=x:beauty")) {
      Invocation refused = Invocation.of("advise", RESNET, wrong);
      assertThat(refused.status()).as(wrong).isEqualTo(ExitStatus.USAGE);
      assertThat(refused.err()).as(wrong).hasLineCount(1);
    }
  }

  @Test
  void aCancelledMeasurementEnds() {
    Cancellation cancellation = new Cancellation();
    cancellation.cancel();
    assertThat(Invocation.with(OptionalInt.empty(), cancellation, "advise", RESNET).status())
        .isEqualTo(ExitStatus.CANCELLED);
  }

  @Test
  void modelsThatWereMadeAreGoneInTheEndAlsoAfterAFailure()
      throws IOException, InterruptedException {
    assertThat(inItsOwnFolder("advise", RESNET, "-T1").status()).isZero();
    assertThat(inItsOwnFolder("advise", echo(DataType.STRING).toAbsolutePath()).status())
        .isEqualTo(ExitStatus.UNAVAILABLE);
  }

  /** Runs a command whose temporary files go to a folder, and looks into that folder after it. */
  private Ended inItsOwnFolder(Object... arguments) throws IOException, InterruptedException {
    Path own = Files.createDirectories(folder.resolve("own"));
    List<String> command = CommandProcess.command(arguments);
    command.add(1, "-Djava.io.tmpdir=" + own.toAbsolutePath());
    Ended ended =
        CommandProcess.end(
            new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start());
    try (Stream<Path> files = Files.list(own)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .noneMatch(name -> name.startsWith("coppice-"));
    }
    return ended;
  }

  @Test
  void withoutOnnxRuntimeOneLineSaysWhatToDo() throws IOException, InterruptedException {
    Ended refused = CommandProcess.runWithout("onnxruntime", folder, "advise", RESNET);
    assertThat(refused.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(refused.output()).hasLineCount(1).contains("ONNX Runtime is not on the class path");
  }
}
