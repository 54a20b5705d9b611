package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.coppice.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinearExampleTest {
  private static final Path ROOT = Path.of(System.getProperty("coppice.root", ".."));

  @TempDir Path folder;

  @Test
  void theExampleComputesTheLayer() throws IOException {
    float[] weights = new float[32 * 64];
    for (int i = 0; i < weights.length; i += 5) {
      weights[i] = 1;
    }
    float[] x = new float[2 * 64];
    Arrays.fill(x, 0.5f);
    float[] bias = new float[32];
    Arrays.fill(bias, 3);
    float[] y = new float[2 * 32];
    String layer =
        LinearExample.run(
            Tensor.of(weights, 32, 64),
            Tensor.of(bias, 32),
            Tensor.of(x, 2, 64),
            Tensor.of(y, 2, 32),
            folder.resolve("plan.json"));
    assertThat(layer).startsWith("[32, 64] of F32 on cpu:");
    for (int i = 0; i < y.length; i++) {
      int kept = 0;
      for (int c = 0; c < 64; c++) {
        kept += weights[i % 32 * 64 + c] == 1 ? 1 : 0;
      }
      assertThat(y[i]).isCloseTo(3 + 0.5f * kept, within(1e-5f));
    }
  }

  @Test
  void thePageShowsTheExampleThatIsTested() throws IOException {
    List<String> page = Files.readAllLines(ROOT.resolve("docs/linear.md"));
    int begin = page.indexOf("```java") + 1;
    assertThat(begin).isPositive();
    int end = begin + page.subList(begin, page.size()).indexOf("```");
    assertThat(page.subList(begin, end)).isEqualTo(example());
  }

  /** Gives the lines between the marks, and the brace closed that the end closes. */
  private static List<String> example() throws IOException {
    Path source = ROOT.resolve("cli/src/test/java/dev/coppice/cli/LinearExample.java");
    List<String> lines = Files.readAllLines(source);
    List<String> shown =
        new ArrayList<>(
            lines
                .subList(lines.indexOf("    // example") + 1, lines.indexOf("      // end"))
                .stream()
                .map(line -> line.isEmpty() ? line : line.substring(4))
                .toList());
    shown.add("}");
    return shown;
  }
}
