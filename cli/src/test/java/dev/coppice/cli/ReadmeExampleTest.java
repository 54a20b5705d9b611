package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadmeExampleTest {
  private static final Path ROOT = Path.of(System.getProperty("coppice.root", ".."));

  @TempDir Path folder;

  @Test
  void theExampleDoesWhatItSays() throws IOException {
    float[] weights = new float[512 * 1024];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = i + 1;
    }
    ByteBuffer buffer = ByteBuffer.allocateDirect(2 * 512 * 1024);
    while (buffer.hasRemaining()) {
      buffer.put((byte) 0x3F);
    }
    Path model = TinyModel.usual().write(folder.resolve("model.safetensors"));
    Path recipe = Files.writeString(folder.resolve("recipe.yaml"), "rules: [{sparsity: 0.25}]");
    Path output = folder.resolve("pruned.safetensors");
    assertThat(ReadmeExample.run(weights, buffer.flip(), model, recipe, output)).isEqualTo(32);
    assertThat(weights[weights.length / 2 - 1]).isZero();
    assertThat(weights[weights.length / 2]).isPositive();
    assertThat(buffer.getShort(0)).isNotZero();
    assertThat(buffer.getShort(4)).isZero();
    assertThat(output).exists();
  }

  @Test
  void theReadmeShowsTheExampleThatIsTested() throws IOException {
    Path readme = ROOT.resolve("README.md");
    List<String> lines = Files.readAllLines(readme);
    int mark = lines.indexOf("<!-- example -->");
    assertThat(mark).as("the line of the mark <!-- example -->").isNotNegative();
    int begin = lines.subList(mark, lines.size()).indexOf("```java") + mark + 1;
    assertThat(begin).isGreaterThan(mark);
    int end = lines.subList(begin, lines.size()).indexOf("```") + begin;
    assertThat(lines.subList(begin, end)).isEqualTo(example());
  }

  /** Gives the lines between the marks, the two braces closed that the method's end closes. */
  private static List<String> example() throws IOException {
    Path source = ROOT.resolve("cli/src/test/java/dev/coppice/cli/ReadmeExample.java");
    List<String> lines = Files.readAllLines(source);
    int begin = lines.indexOf("    // example") + 1;
    int end = lines.indexOf("        // end");
    List<String> shown =
        new ArrayList<>(
            lines.subList(begin, end).stream().map(l -> l.isEmpty() ? l : l.substring(4)).toList());
    shown.add("  }");
    shown.add("}");
    return shown;
  }
}
