package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoTest {
  @TempDir private Path folder;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  private int run(boolean colour, String... arguments) {
    return Demo.run(
        List.of(arguments),
        new PrintStream(out, true, StandardCharsets.UTF_8),
        new PrintStream(err, true, StandardCharsets.UTF_8),
        colour);
  }

  private String text() {
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void helpNamesTheOptions() {
    assertThat(run(false, "--help")).isZero();
    assertThat(text()).contains("--work", "--quick", "--images").doesNotContain("\033");
    assertThat(err.size()).isZero();
  }

  @Test
  void whatIsUnknownIsRefusedInOneLine() {
    assertThat(run(false, "--fast")).isEqualTo(64);
    assertThat(err.toString(StandardCharsets.UTF_8)).hasLineCount(1).contains("--fast");
    assertThat(out.size()).isZero();
  }

  @Test
  void aWorkFolderThatCannotBeMadeIsRefusedInOneLine() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertThat(run(false, "--work", file.resolve("x").toString())).isEqualTo(74);
    assertThat(err.toString(StandardCharsets.UTF_8)).hasLineCount(1).contains("coppice demo: ");
  }

  @Test
  void theDemoShowsWhatShrinkingAndPruningGainAndCost() throws IOException {
    assertThat(run(false, "--quick", "--work", folder.toString())).isZero();
    assertThat(text().lines().filter(line -> !line.contains(folder.toString())))
        .allSatisfy(line -> assertThat(line).doesNotContain("\033").hasSizeLessThanOrEqualTo(80));
    checkShrunk();
    checkPruned();
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "all-minilm-l6-v2.onnx",
              "all-minilm-l6-v2-macs-70.onnx",
              "all-minilm-l6-v2-magnitude-50.onnx",
              "calibration.txt",
              "calibration-images-idx3-ubyte.gz",
              "fashion-mobile.onnx",
              "fashion-mobile-macs-50.onnx",
              "fashion-resnet.onnx",
              "fashion-resnet-macs-50.onnx",
              "tokenizer.json");
    }
  }

  private void checkShrunk() throws IOException {
    assertThat(text()).contains("3 of 3: before its repair");
    List<List<String>> rows = rows("  (fashion|all-minilm)\\S+ +0\\.\\d\\d .*");
    assertThat(rows).hasSize(3);
    List<String> names = List.of("fashion-resnet", "fashion-mobile", "all-minilm-l6-v2");
    double[] share = {0.5, 0.5, 0.7};
    double[] least = {0.91, 0.86, 0.86};
    for (int i = 0; i < 3; i++) {
      List<String> row = rows.get(i);
      assertThat(row.get(0)).isEqualTo(names.get(i));
      assertThat(number(row, 1)).isBetween(share[i] - 0.04, share[i]);
      Path file = folder.resolve("%s-macs-%.0f.onnx".formatted(names.get(i), 100 * share[i]));
      assertThat(number(row, 3)).isCloseTo(Files.size(file) / 1e6, within(0.06));
      assertThat(number(row, 4)).isPositive();
      double dense = number(row, 5);
      double cut = number(row, 6);
      assertThat(number(row, 7)).isBetween(least[i], dense).isGreaterThan(cut + 0.02);
      assertThat(number(row, 8)).isLessThan(number(row, 7) + 0.02);
    }
    assertThat(number(rows.get(2), 5)).isEqualTo(1);
  }

  private void checkPruned() {
    assertThat(text()).contains("2 of 2 copies lost exactly the count");
    List<List<String>> rows = rows("  (dense +\\d|magnitude \\d|random \\d).*");
    assertThat(rows).hasSize(6);
    assertThat(rows.get(1).subList(3, 5)).containsExactly("5,308,416", "5,308,416");
    assertThat(rows.get(4).subList(3, 5)).containsExactly("195,276", "195,276");
    // Compressed megabytes; rank correlation with the dense model, and accuracy.
    assertThat(number(rows.get(1), 7)).isLessThan(0.85 * number(rows.get(0), 1));
    assertThat(number(rows.get(0), 2)).isEqualTo(1);
    assertThat(number(rows.get(1), 8)).isBetween(0.7, 0.85);
    assertThat(number(rows.get(2), 8)).isLessThan(0.55);
    assertThat(number(rows.get(3), 2)).isEqualTo(0.945);
    assertThat(number(rows.get(4), 8)).isBetween(0.9, 0.945);
    assertThat(number(rows.get(5), 8)).isLessThan(0.3);
  }

  /** Gives the cells of each line that matches. */
  private List<List<String>> rows(String form) {
    return text()
        .lines()
        .filter(line -> line.matches(form))
        .map(line -> Arrays.asList(line.strip().split(" +")))
        .toList();
  }

  private static double number(List<String> row, int column) {
    return Double.parseDouble(row.get(column));
  }
}
