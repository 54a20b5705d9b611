package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

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
  void theDemoShowsExactCountsAndWhatTheyCost() throws IOException {
    assertThat(run(false, "--quick", "--work", folder.toString())).isZero();
    assertThat(text()).doesNotContain("\033").contains("2 of 2 copies lost exactly the count");
    assertThat(text().lines().filter(line -> !line.contains(folder.toString())))
        .allSatisfy(line -> assertThat(line).hasSizeLessThan(100));

    List<List<String>> rows = rows();
    assertThat(rows).hasSize(6);
    assertThat(rows.get(1).subList(0, 2)).containsExactly("5,308,416", "5,308,416");
    assertThat(rows.get(4).subList(0, 2)).containsExactly("195,276", "195,276");
    // Rank correlation with the dense model, and accuracy: dense, magnitude, random.
    assertThat(number(rows.get(0), 1)).isEqualTo(1);
    assertThat(number(rows.get(1), 5)).isBetween(0.7, 0.85);
    assertThat(number(rows.get(2), 5)).isLessThan(0.55);
    assertThat(number(rows.get(3), 1)).isEqualTo(0.945);
    assertThat(number(rows.get(4), 5)).isBetween(0.9, 0.945);
    assertThat(number(rows.get(5), 5)).isLessThan(0.3);
    // Compressed megabytes.
    assertThat(number(rows.get(1), 4)).isLessThan(0.85 * number(rows.get(0), 0));

    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder(
              "all-minilm-l6-v2.onnx", "all-minilm-l6-v2-magnitude-50.onnx", "fashion-resnet.onnx");
    }
  }

  /** Gives the cells after the name of each row of both tables. */
  private List<List<String>> rows() {
    return text()
        .lines()
        .filter(line -> line.matches("  (dense |magnitude \\d|random \\d).*"))
        .map(line -> line.substring(16).strip())
        .map(line -> Arrays.asList(line.split(" +")))
        .toList();
  }

  private static double number(List<String> row, int column) {
    return Double.parseDouble(row.get(column));
  }
}
