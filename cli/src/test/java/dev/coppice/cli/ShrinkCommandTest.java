package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.coppice.Backends;
import dev.coppice.spi.Availability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShrinkCommandTest {
  private static final Path MODEL =
      Path.of(System.getProperty("coppice.root", ".."))
          .resolve(
              "evaluation/src/main/resources/dev/coppice/evaluation/fashion/fashion-resnet.onnx");

  @TempDir Path folder;

  @Test
  void aSmallerModelIsWrittenWithATableAndAReport() throws IOException {
    Path small = folder.resolve("small.onnx");
    Path report = folder.resolve("report.json");
    Invocation shrink =
        Invocation.of("shrink", MODEL, "-o", small, "--target", "macs=0.5", "--report", report);
    assertThat(shrink.err()).isEmpty();
    assertThat(shrink.status()).isZero();
    assertThat(shrink.out())
        .contains("node_Conv_217", "wrote " + small)
        .containsPattern(
            "proof +6 groups cut, none unchecked; in 2 runs .* within \\d\\.\\de-0[678]")
        .doesNotContain("latency")
        .containsPattern("macs +[\\d,]+ -> [\\d,]+, (50|49)\\.\\d\\d% left");
    assertThat(Files.size(small)).isLessThan(Files.size(MODEL));
    assertThat(Invocation.of("inspect", small).status()).isZero();
    Map<String, Long> macs = numbersOf(report, "macs");
    assertThat((double) macs.getOrDefault("after", 0L) / macs.getOrDefault("before", 0L))
        .isBetween(0.45, 0.5);
  }

  @ParameterizedTest
  @ValueSource(strings = {"l2", "l1"})
  void allBackendsMakeTheSameModel(String criterion) throws IOException {
    Map<String, byte[]> made = new HashMap<>();
    for (Backends.Entry backend : Backends.all()) {
      Path small = folder.resolve(backend.name() + ".onnx");
      Path report = folder.resolve(backend.name() + ".json");
      Invocation shrink =
          Invocation.of(
              "shrink",
              MODEL,
              "--target=macs=0.5",
              "--criterion=" + criterion,
              "--backend=" + backend.name(),
              "-o",
              small,
              "--report",
              report);
      if (backend.availability() instanceof Availability.Usable) {
        assertThat(shrink.status()).as(shrink.err()).isZero();
        assertThat(report).content().contains("\"backend\" : \"" + backend.name() + "\"");
        assertThat(shrink.out()).contains("backend " + backend.name());
        made.put(backend.name(), Files.readAllBytes(small));
      } else {
        assertThat(shrink.status()).isEqualTo(ExitStatus.UNAVAILABLE);
        assertThat(shrink.err()).contains("backend " + backend.name() + " cannot be used: ");
        assertThat(small).doesNotExist();
      }
    }
    assertThat(made).containsKey("reference");
    assertThat(made.values()).allMatch(model -> Arrays.equals(model, made.get("reference")));
  }

  private static Map<String, Long> numbersOf(Path report, String field) throws IOException {
    Map<String, Long> numbers = new HashMap<>();
    try (JsonParser json = new JsonFactory().createParser(report.toFile())) {
      String within = "";
      for (JsonToken token = json.nextToken(); token != null; token = json.nextToken()) {
        if (token == JsonToken.START_OBJECT) {
          within = String.valueOf(json.currentName());
        } else if (token == JsonToken.VALUE_NUMBER_INT && within.equals(field)) {
          numbers.put(json.currentName(), json.getLongValue());
        }
      }
    }
    return numbers;
  }

  @Test
  void aDryRunShowsGroupsAndReasonsAndWritesNothing() throws IOException {
    Invocation dry = Invocation.of("shrink", MODEL, "--target", "params=0.6", "--dry-run");
    assertThat(dry.status()).isZero();
    assertThat(dry.out())
        .containsPattern("node_Conv_219 +channels +24")
        .contains("\"logits\" is an output of the graph")
        .endsWith("nothing was written\n");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).isEmpty();
    }
  }

  @Test
  void whatCannotBeDoneIsSaidInOneLineAndNothingIsWritten() throws IOException {
    Path small = folder.resolve("small.onnx");
    String[][] cases = {
      {"--target", "flops=0.5", "--target has no \"flops\"; it has macs, params, bytes, latency"},
      {"--target", "macs", "METRIC=F"},
      {"--target", "macs=1.5", "in [0, 1]"},
      {"--target", "macs=0", "above 0"},
      {"--target=macs=0.5", "--what=ears", "it has channels, heads, neurons"},
      {"--target=macs=0.5", "--what=heads", "cannot be reached"},
      {"--target=macs=0.5", "--keep=nobody", "named \"nobody\""},
      {"--target=macs=0.5", "--round-to=0", "multiple of 1 or more"},
      {"--target=macs=0.5", "--scope=row", "it has tensor, global"},
      {"--target=macs=0.5", "--size=image=2x3", "size of \"image\""},
      {"--target=macs=0.5", "--size=picture=1x1x28x28", "no input of the graph"},
      {"--target=macs=0.5", "--size=image", "INPUT=AxBx.."},
      {"--target", "latency=0", "above 0"},
      {"--target", "latency=two", "in [0, 1]"},
      {"--target=latency=0.5", "--keep=nobody", "named \"nobody\""},
      {"--target=macs=0.5", "--threads=0", "--threads must be from 1"},
      {"--target=macs=0.5", "--backend=quantum", "backend must be one of auto, "},
    };
    for (String[] wrong : cases) {
      Invocation refused = Invocation.of("shrink", MODEL, "-o", small, wrong[0], wrong[1]);
      assertThat(refused.err()).as(String.join(" ", wrong)).hasLineCount(1).contains(wrong[2]);
      assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
      assertThat(small).doesNotExist();
    }
    assertThat(Invocation.of("shrink", MODEL, "--target", "macs=.5").err())
        .contains("-o SMALL.onnx");
  }

  @Test
  void anOutputThatExistsIsReplacedOnlyWhenForcedAndTheModelNever() throws IOException {
    Path small = Files.writeString(folder.resolve("small.onnx"), "mine");
    Invocation refused = Invocation.of("shrink", MODEL, "-o", small, "--target", "macs=.5");
    assertThat(refused.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(small).hasContent("mine");
    assertThat(
            Invocation.of("shrink", MODEL, "-o", small, "--target", "macs=.5", "--force").status())
        .isZero();
    Path copy = Files.copy(MODEL, folder.resolve("model.onnx"));
    Invocation itself = Invocation.of("shrink", copy, "-o", copy, "--target", "macs=.5", "--force");
    assertThat(itself.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(copy).hasSameBinaryContentAs(MODEL);
  }

  @Test
  void whatIsNoOnnxModelIsRefused() throws IOException {
    Path text = Files.writeString(folder.resolve("model.onnx"), "once upon a time");
    Invocation refused =
        Invocation.of("shrink", text, "-o", folder.resolve("o.onnx"), "--target", "macs=.5");
    assertThat(refused.status()).isEqualTo(ExitStatus.DATA);
    assertThat(refused.err()).hasLineCount(1);
    Invocation missing =
        Invocation.of("shrink", folder.resolve("gone.onnx"), "--target", "macs=.5", "--dry-run");
    assertThat(missing.status()).isEqualTo(ExitStatus.NO_INPUT);
  }
}
