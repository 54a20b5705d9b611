package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Scope;
import dev.coppice.evaluation.Latency;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class VerdictTest {
  private static final Advice.Room WIDE = new Advice.Room(0.05, 0, "");
  private static final Advice.Zeros ZEROS =
      new Advice.Zeros(
          "50 %",
          0.5,
          90_000_000,
          60_000_000,
          latency(1.01, 0.02),
          OptionalDouble.empty(),
          new SparsifyTrial.Untried("its layers are small"));

  /**
   * Fifty runs of 10 ms and of {@code ratio} of that, half of each within so much of the median.
   */
  private static Latency latency(double ratio, double range) {
    double dense = 0.01;
    double small = dense * ratio;
    return new Latency(
        new Latency.Spread(dense, dense * (1 - range), dense * (1 + range)),
        new Latency.Spread(small, small * (1 - range), small * (1 + range)),
        ratio,
        50,
        2);
  }

  private static Advice.Shrunk shrunk(double target, double ratio) {
    return new Advice.Shrunk(
        target, Scope.GLOBAL, target, 1000, latency(ratio, 0.02), true, OptionalDouble.empty());
  }

  private static Advice.Shrunk good(double target, double ratio, double quality) {
    return new Advice.Shrunk(
        target, Scope.TENSOR, target, 1000, latency(ratio, 0.02), true, OptionalDouble.of(quality));
  }

  private static Advice advice(
      OptionalDouble quality, Advice.Room room, boolean repaired, Advice.Shrunk... models) {
    return new Advice(
        new Advice.Dense(1e9, 90_000_000, 83_000_000, quality),
        room,
        List.of(models),
        List.of(ZEROS),
        repaired);
  }

  private static Advice advice(Advice.Shrunk... models) {
    return advice(OptionalDouble.empty(), WIDE, false, models);
  }

  @Test
  void halfOfTheMultiplicationsIsAdvisedWhereItPaysAndNothingTellsOfQuality() {
    Verdict verdict = Verdict.of(advice(shrunk(0.75, 0.8), shrunk(0.5, 0.52), shrunk(0.35, 0.4)));
    assertThat(verdict.kind()).isEqualTo(Verdict.Kind.PAYS);
    assertThat(verdict.subject()).contains(shrunk(0.5, 0.52));
    assertThat(verdict.reasons().get(0))
        .startsWith("Shrink pays: 0.52 of the time at 0.50 of the multiplications.")
        .contains("--eval DATA:METRIC");
    assertThat(verdict.reasons().get(1))
        .contains("Zeros alone do not pay", "1.01 (50 %)", "60.0 MB instead of 83.0 MB");
  }

  @Test
  void aSmallerModelIsAdvisedWhereHalfDoesNotPay() {
    Verdict verdict = Verdict.of(advice(shrunk(0.75, 0.99), shrunk(0.5, 0.97), shrunk(0.35, 0.9)));
    assertThat(verdict.subject()).contains(shrunk(0.35, 0.9));
  }

  @Test
  void nothingPaysWhereTheRunsVaryMoreThanTheModelsDiffer() {
    Latency varied = latency(0.8, 0.6);
    Advice.Shrunk noisy =
        new Advice.Shrunk(0.5, Scope.GLOBAL, 0.5, 1000, varied, true, OptionalDouble.empty());
    Verdict verdict = Verdict.of(advice(noisy));
    assertThat(verdict.kind()).isEqualTo(Verdict.Kind.NOTHING);
    assertThat(verdict.reasons().get(0))
        .startsWith("Nothing pays here: the fastest smaller model takes 0.80 of the time");
    assertThat(Verdict.isFaster(latency(0.8, 0.1))).isTrue();
    assertThat(Verdict.isFaster(latency(0.96, 0))).isFalse();
    assertThat(AdvisedCommand.of(verdict, Path.of("m.onnx"), List.of(), new DataChoice()))
        .isEmpty();
  }

  @Test
  void aModelThatIsTooSmallToGainIsToldSo() {
    Latency.Spread quick = new Latency.Spread(2e-5, 1.9e-5, 2.1e-5);
    Advice.Shrunk model =
        new Advice.Shrunk(
            0.5,
            Scope.GLOBAL,
            0.5,
            1000,
            new Latency(quick, quick, 1, 50, 2),
            true,
            OptionalDouble.empty());
    assertThat(Verdict.of(advice(model)).reasons().get(0))
        .contains("so small (0.020 ms a run)", "--size");
  }

  @Test
  void ofModelsThatAreGoodEnoughTheFastestIsAdvised() {
    Advice.Shrunk best = good(0.5, 0.5, 0.915);
    Verdict verdict =
        Verdict.of(
            advice(
                OptionalDouble.of(0.93),
                WIDE,
                true,
                good(0.75, 0.8, 0.93),
                best,
                good(0.35, 0.4, 0.9)));
    assertThat(verdict.kind()).isEqualTo(Verdict.Kind.PAYS);
    assertThat(verdict.subject()).contains(best);
    assertThat(verdict.reasons().get(0)).contains("quality 0.9300 -> 0.9150");
    DataChoice data = new DataChoice();
    data.calibration = "my images";
    data.eval = "test:accuracy";
    assertThat(AdvisedCommand.of(verdict, Path.of("m.onnx"), List.of("x=64x3"), data).orElseThrow())
        .containsExactly(
            "coppice",
            "shrink",
            "m.onnx",
            "-o small.onnx",
            "--target macs=0.5",
            "--scope tensor",
            "--criterion activation",
            "--calibration 'my images'",
            "--repair",
            "--eval test:accuracy",
            "--size x=64x3");
  }

  @Test
  void aGainThatCostsTooMuchQualityIsNotAdvised() {
    Verdict verdict =
        Verdict.of(
            advice(
                OptionalDouble.of(0.93), WIDE, false, good(0.75, 0.8, 0.6), good(0.5, 0.5, 0.3)));
    assertThat(verdict.kind()).isEqualTo(Verdict.Kind.COSTS_QUALITY);
    assertThat(verdict.reasons().get(0)).contains("0.9300 -> 0.6000", "--calibration DATA");
    DataChoice data = new DataChoice();
    data.eval = "test:accuracy";
    assertThat(AdvisedCommand.of(verdict, Path.of("m.onnx"), List.of(), data).orElseThrow())
        .contains("--max-drop 0.02", "--eval test:accuracy");
  }

  @Test
  void whatIsFrozenIsNamedWithTheReason() {
    Advice.Room narrow = new Advice.Room(0.88, 0.81, "\"y\" is an output of the graph");
    Verdict little = Verdict.of(advice(OptionalDouble.empty(), narrow, false));
    assertThat(little.kind()).isEqualTo(Verdict.Kind.LITTLE);
    assertThat(little.subject()).isEmpty();
    assertThat(little.reasons().get(0))
        .startsWith(
            "What can be removed is little: at least 0.88 of the multiplications stay, 0.81")
        .endsWith("because \"y\" is an output of the graph.");
    Advice.Room none = new Advice.Room(1, 1, "\"y\" is an output of the graph");
    assertThat(Verdict.of(advice(OptionalDouble.empty(), none, false)).reasons().get(0))
        .startsWith("Nothing pays here, as nothing can be removed: ");
    Advice.Room half = new Advice.Room(0.7, 0.6, "of something");
    assertThat(Verdict.of(advice(OptionalDouble.empty(), half, false, shrunk(0.75, 0.8))).reasons())
        .hasSize(4)
        .anySatisfy(reason -> assertThat(reason).startsWith("Not all of it could go: "));
  }

  @Test
  void zerosThatMakeARuntimeFasterAreNotCalledUseless() {
    Advice.Zeros fast =
        new Advice.Zeros(
            "2:4",
            0.5,
            100,
            70,
            latency(0.6, 0.02),
            OptionalDouble.empty(),
            new SparsifyTrial.Untried("it has no layers"));
    assertThat(Verdict.of(withZeros(OptionalDouble.empty(), fast)).reasons().subList(1, 3))
        .satisfiesExactly(
            zeros -> assertThat(zeros).startsWith("Zeros alone seem to pay"),
            sparse -> assertThat(sparse).isEqualTo("Sparsify was not tried: it has no layers."));
  }

  private static Advice withZeros(OptionalDouble quality, Advice.Zeros... zeros) {
    Advice.Shrunk same =
        new Advice.Shrunk(0.5, Scope.GLOBAL, 0.5, 1000, latency(1, 0.02), true, quality);
    return new Advice(
        new Advice.Dense(1e9, 100, 90, quality), WIDE, List.of(same), List.of(zeros), false);
  }

  private static Advice.Zeros sparse(
      String pattern, double ratio, double range, OptionalDouble quality) {
    return new Advice.Zeros(
        pattern,
        0.5,
        100,
        70,
        latency(1, 0.02),
        quality,
        new SparsifyTrial.Timed(53, latency(ratio, range)));
  }

  @Test
  void compressedLayersThatAreFasterAreAdvisedWithTheirCommands() {
    OptionalDouble none = OptionalDouble.empty();
    Verdict verdict =
        Verdict.of(
            withZeros(none, sparse("50 %", 0.7, 0.02, none), sparse("2:4", 0.6, 0.02, none)));
    assertThat(verdict.reasons().get(0)).startsWith("Shrink does not pay here: ");
    assertThat(verdict.reasons().get(2))
        .startsWith("Sparsify pays: ")
        .contains("0.70 of the time in 53 B (50 %) and 0.60 of the time in 53 B (2:4)", "--eval");
    assertThat(AdvisedCommand.sparsify(verdict, Path.of("m.onnx"), List.of("x=1x2")))
        .containsExactly(
            List.of("coppice", "prune", "m.onnx", "-o pruned.onnx", "--pattern 2:4"),
            List.of(
                "coppice",
                "sparsify",
                "pruned.onnx",
                "-o sparse.onnx",
                "--format auto",
                "--size x=1x2"));
  }

  @Test
  void compressedLayersThatGainNothingOrLoseTooMuchAreNotAdvised() {
    OptionalDouble none = OptionalDouble.empty();
    Verdict noise = Verdict.of(withZeros(none, sparse("50 %", 0.8, 0.6, none)));
    assertThat(noise.reasons().get(0)).startsWith("Nothing pays here: ");
    assertThat(noise.reasons().get(2))
        .startsWith("Sparsify does not pay: ")
        .endsWith("no gain beyond how much runs vary.");
    OptionalDouble good = OptionalDouble.of(0.93);
    Verdict bad = Verdict.of(withZeros(good, sparse("50 %", 0.6, 0.02, OptionalDouble.of(0.9))));
    assertThat(bad.reasons().get(2)).startsWith("Sparsify is faster, and the zeros lose more");
    for (Verdict verdict : List.of(noise, bad)) {
      assertThat(AdvisedCommand.sparsify(verdict, Path.of("m.onnx"), List.of())).isEmpty();
    }
    Verdict kept = Verdict.of(withZeros(good, sparse("50 %", 0.6, 0.02, OptionalDouble.of(0.92))));
    assertThat(AdvisedCommand.sparsify(kept, Path.of("m.onnx"), List.of()).get(0))
        .contains("--sparsity 0.5");
  }
}
