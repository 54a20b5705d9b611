package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command shrink does with data: a thousand images that the demo has. */
class ShrinkDataTest {
  private static final Path DATA =
      Path.of(System.getProperty("coppice.root", ".."))
          .resolve("evaluation/src/main/resources/dev/coppice/evaluation/fashion");
  private static final Path RESNET = DATA.resolve("fashion-resnet.onnx");
  private static final Pattern QUALITY =
      Pattern.compile(
          "quality accuracy (0\\.\\d+) -> (0\\.\\d+), .*; (0\\.\\d+) before the repair");

  @TempDir Path folder;

  private Path small() {
    return folder.resolve("small.onnx");
  }

  /** Gives the images in a folder under the names by which they are found. */
  private Path images() throws IOException {
    Path images = Files.createDirectories(folder.resolve("images"));
    for (String name : List.of("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")) {
      Path copy = images.resolve("t10k-" + name);
      if (!Files.exists(copy)) {
        Files.copy(DATA.resolve("t1k-" + name), copy);
      }
    }
    return images;
  }

  @Test
  void aRepairedModelIsMeasuredBesideTheDenseAndTheUnrepairedOne() throws IOException {
    Path report = folder.resolve("report.json");
    Invocation shrink =
        Invocation.of(
            "shrink",
            RESNET,
            "-o",
            small(),
            "--target=macs=0.6",
            "--criterion=activation",
            "--calibration",
            images(),
            "--repair",
            "--eval",
            images() + ":accuracy",
            "--samples=200",
            "--eval-samples=200",
            "--report",
            report);
    assertThat(shrink.err()).isEmpty();
    Matcher quality = QUALITY.matcher(shrink.out());
    assertThat(quality.find()).as(shrink.out()).isTrue();
    double dense = Double.parseDouble(quality.group(1));
    double repaired = Double.parseDouble(quality.group(2));
    double cut = Double.parseDouble(quality.group(3));
    assertThat(dense - repaired).isLessThan((dense - cut) / 2);
    assertThat(shrink.out()).contains("repair  14 layers fitted", "none unchecked; in 4 runs");
    assertThat(Files.readString(report))
        .contains("\"unrepaired\" : " + cut, "\"error_after\"", "\"criterion\" : \"activation\"");
    Invocation again =
        Invocation.of(
            "shrink",
            small(),
            "--target=macs=1",
            "--eval",
            images() + ":accuracy",
            "--eval-samples=200",
            "--dry-run");
    assertThat(again.out()).contains("quality accuracy " + quality.group(2));
  }

  @Test
  void theSmallestModelWithinADropIsFoundAndItsCurvesAreShown() {
    Path report = folder.resolve("report.json");
    Invocation shrink =
        Invocation.of(
            "shrink",
            RESNET,
            "-o",
            small(),
            "--max-drop=0.03",
            "--what=channels",
            "--keep=node_Conv_21*",
            "--keep=node_Conv_23*",
            "--eval",
            DATA.resolve("t1k-images-idx3-ubyte.gz") + ":accuracy",
            "--eval-samples=100",
            "--report",
            report);
    assertThat(shrink.err()).isEmpty();
    assertThat(shrink.out())
        .contains("how the metric falls", "taken", "knee", "dense: ", "all layers: ")
        .containsPattern("quality accuracy 0\\.\\d+ -> 0\\.\\d+, [-+]0\\.0[0-3]");
    assertThat(report).content().contains("\"curves\"", "\"front\"", "\"taken\" : true");
    assertThat(small()).exists();
  }

  @Test
  void whatAPlanLeftEmptyGoesAndNoAnswerChanges() throws IOException {
    Path recipe = folder.resolve("recipe.json");
    Files.writeString(
        recipe,
        """
        {"rules": [{"include": ["layers.0.conv1.weight"], "scope": "tensor", "sparsity": 1.0}]}
        """);
    Invocation shrink =
        Invocation.of(
            "shrink",
            RESNET,
            "-o",
            small(),
            "--recipe",
            recipe,
            "--round-to=1",
            "--eval",
            DATA.resolve("t1k-images-idx3-ubyte.gz") + ":cosine-to-dense");
    assertThat(shrink.err()).isEmpty();
    assertThat(shrink.out()).contains("pruned ", "node_Conv_219", "proof   1 group cut");
  }

  @Test
  void whatFailsWhileTheProcessIsEndingIsSaidToBeCancelled() {
    Cancellation ending = new Cancellation();
    ending.cancel();
    Invocation shrink =
        Invocation.with(
            OptionalInt.empty(),
            ending,
            "shrink",
            folder.resolve("none.onnx"),
            "-o",
            small(),
            "--target=macs=0.5");
    assertThat(shrink.status()).isEqualTo(ExitStatus.CANCELLED);
    assertThat(shrink.err()).contains("cancelled").hasLineCount(1);
  }

  @Test
  void whatMakesNoSenseTogetherIsRefusedInOneLine() {
    for (List<String> options :
        List.<List<String>>of(
            List.of("--max-drop=0.1"),
            List.of("--target=macs=0.5", "--repair"),
            List.of("--target=macs=0.5", "--max-drop=0.1", "--eval=x.npz:accuracy"),
            List.of("--max-drop=-1", "--eval=x.npz:accuracy"),
            List.<String>of(),
            List.of("--target=macs=0.5", "--criterion=activation"),
            List.of("--target=macs=0.5", "--what=layers"),
            List.of("--target=macs=0.5", "--eval=" + DATA + ":fame"),
            List.of("--target=macs=0.5", "--eval-samples=0", "--eval=" + DATA + ":accuracy"))) {
      Object[] arguments =
          java.util.stream.Stream.concat(
                  java.util.stream.Stream.of("shrink", RESNET, "-o", small()), options.stream())
              .toArray();
      Invocation refused = Invocation.of(arguments);
      assertThat(refused.status()).as(options.toString()).isEqualTo(ExitStatus.USAGE);
      assertThat(refused.err()).as(options.toString()).startsWith("coppice: ").hasLineCount(1);
      assertThat(small()).doesNotExist();
    }
    Invocation missing =
        Invocation.of(
            "shrink", RESNET, "-o", small(), "--target=macs=0.5", "--eval=none.npz:accuracy");
    assertThat(missing.status()).isEqualTo(ExitStatus.NO_INPUT);
    assertThat(missing.err()).contains("none.npz").doesNotContain("make it").hasLineCount(1);
  }
}
