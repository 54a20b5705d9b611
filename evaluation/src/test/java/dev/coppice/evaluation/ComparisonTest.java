package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtException;
import dev.coppice.Pruner;
import dev.coppice.Scope;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTest {
  @TempDir private Path folder;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private Comparison<Double> compare(List<Variant> variants) throws IOException, OrtException {
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    try (Pruner pruner = Pruner.create();
        Steps steps = new Steps(out, false);
        Checkpoint model = Checkpoints.open(FashionMnist.classifier(folder))) {
      var stage = new Comparison.Stage(pruner, new Screen(out, new Ink(false), steps));
      var exam = new ImageExam(FashionMnist.firstThousand(), 2);
      return Comparison.run(stage, model, variants, "2of4", exam);
    }
  }

  @Test
  void everyVariantIsPrunedExactlyAndExaminedAndTheOneNamedStays()
      throws IOException, OrtException {
    Comparison<Double> result =
        compare(
            List.of(
                Variant.magnitude(0, Scope.GLOBAL),
                Variant.magnitude(30, Scope.TENSOR),
                Variant.twoOfFour(),
                Variant.random(50, Scope.GLOBAL)));

    assertThat(result.isExact()).isTrue();
    assertThat(result.dense()).isEqualTo(0.945);
    assertThat(result.row("magnitude-0").quality()).isEqualTo(0.945);
    assertThat(result.row("magnitude-30").quality()).isBetween(0.9, 0.96);
    assertThat(result.row("random-50").quality()).isLessThan(0.3);
    assertThat(result.row("random-50").trial().asked()).isEqualTo(195_276);
    // The first convolution has one input channel, which is no multiple of four.
    assertThat(result.row("2of4").trial().report().leftAlone())
        .anySatisfy(tensor -> assertThat(tensor.reason()).contains("4"));
    assertThat(result.row("magnitude-30").trial().deflated()).isLessThan(result.deflated());
    assertThat(bytes.toString(StandardCharsets.UTF_8))
        .contains("\n  2:4  ")
        .containsPattern("random 50 % +195,276 +195,276 ");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files.map(f -> f.getFileName().toString()))
          .containsExactlyInAnyOrder("fashion-resnet.onnx", "fashion-resnet-2of4.onnx");
    }
  }
}
