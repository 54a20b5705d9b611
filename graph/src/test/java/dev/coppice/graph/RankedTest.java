package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.offset;

import ai.onnxruntime.OrtException;
import dev.coppice.InvalidPlanException;
import dev.coppice.graph.ShrinkRequest.Criterion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RankedTest {
  @TempDir static Path folder;

  private static Ranked ranked(Path file, ShrinkRequest request) throws IOException {
    return Shrinker.open(file, Map.of()).rank(request, Optional.empty());
  }

  @Test
  void whatStaysIsWhatWasSaidAndCostsWhatWasForetold() throws IOException {
    Ranked ranked = ranked(RealModel.RESNET.file(folder), ShrinkRequest.of(Metric.MACS, 1));
    List<Integer> kept =
        ranked.groups().stream()
            .map(group -> Math.max(ranked.least(group), group.units().size() / 2))
            .toList();
    Shrinkage made = ranked.keep(kept);
    assertThat(made.parts()).extracting(Shrinkage.Part::kept).isEqualTo(kept);
    assertThat(ranked.left(kept))
        .isCloseTo(made.after(Metric.MACS) / made.before(Metric.MACS), offset(1e-12));
    List<Integer> all = ranked.groups().stream().map(group -> group.units().size()).toList();
    assertThat(ranked.left(all)).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource(names = {"RESNET", "MOBILE", "READ_V4"})
  void unitsThatAreZeroGoForFree(RealModel model) throws IOException, OrtException {
    Path dense = model.file(folder);
    ShrinkRequest request = ShrinkRequest.of(Metric.MACS, 0.6).by(Criterion.RANDOM);
    Shrinkage cut = Shrinker.open(dense, model.sizes()).shrink(request);
    Path zeroed = folder.resolve("zeroed-" + model + ".onnx");
    Files.write(zeroed, cut.zeroed());
    Shrinkage free =
        Shrinker.open(zeroed, model.sizes()).rank(request, Optional.empty()).withoutEmpty();
    // Less where the dense model has empty units of its own.
    assertThat(free.after(Metric.MACS)).isLessThanOrEqualTo(cut.after(Metric.MACS));
    float[] expected = OnnxRuntime.run(cut.zeroed(), model.sizes(), 1);
    float[] found = OnnxRuntime.run(free.model(), model.sizes(), 1);
    for (int i = 0; i < expected.length; i++) {
      assertThat(found[i])
          .isCloseTo(expected[i], offset(1e-4f * Math.max(1, Math.abs(expected[i]))));
    }
  }

  @Test
  void aModelWithoutEmptyUnitsStaysAsItIs() throws IOException {
    Ranked ranked = ranked(RealModel.MOBILE.file(folder), ShrinkRequest.of(Metric.MACS, 1));
    Shrinkage made = ranked.withoutEmpty();
    assertThat(made.after(Metric.MACS)).isEqualTo(made.before(Metric.MACS));
  }

  @Test
  void whatCannotBeRankedIsRefused() throws IOException {
    Path file = RealModel.RESNET.file(folder);
    ShrinkRequest request = ShrinkRequest.of(Metric.MACS, 1);
    assertThatThrownBy(() -> ranked(file, request.by(Criterion.ACTIVATION)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("calibration");
    Ranked ranked = ranked(file, request);
    assertThatThrownBy(() -> ranked.keep(List.of(1))).isInstanceOf(IllegalArgumentException.class);
  }
}
