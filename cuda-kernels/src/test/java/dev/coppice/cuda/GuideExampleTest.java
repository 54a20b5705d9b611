package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(EmulatedDriver.class)
class GuideExampleTest {
  private static final Path ROOT = Path.of(System.getProperty("coppice.root", ".."));

  @Test
  void theExamplesDoWhatTheySay() {
    try (CallersDevice caller = new CallersDevice(0)) {
      byte[] bytes = CallersDevice.weights(DType.BF16, 64 * 64, 1);
      assertThat(GuideExample.prune(caller.holding(bytes), 64, 64, caller.stream()).pruned())
          .isEqualTo(2048);
      Tensor weights = CudaTensors.of(DType.BF16, 0, caller.holding(bytes), 64, 64);
      byte[] ranks = CallersDevice.weights(DType.F32, 64 * 64, 2);
      Tensor scores = CudaTensors.of(DType.F32, 0, caller.holding(ranks), 64, 64);
      int[] steps = new int[1];
      assertThat(GuideExample.train(weights, scores, caller.streamHandle(), () -> steps[0]++))
          .isBetween(1L, 2048L);
      assertThat(steps[0]).isEqualTo(3);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"prune", "mask"})
  void theGuideShowsTheExamplesThatAreTested(String name) throws IOException {
    Path source = ROOT.resolve("cuda-kernels/src/test/java/dev/coppice/cuda/GuideExample.java");
    List<String> code = Files.readAllLines(source);
    int begin = code.indexOf("    // " + name) + 1;
    int end = begin + code.subList(begin, code.size()).indexOf("    // end");
    assertThat(begin).isPositive();
    List<String> shown =
        code.subList(begin, end).stream().map(l -> l.isEmpty() ? l : l.substring(4)).toList();
    assertThat(Files.readString(ROOT.resolve("docs/cuda.md")))
        .contains("```java\n" + String.join("\n", shown) + "\n```\n");
  }
}
