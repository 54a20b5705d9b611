package dev.coppice.cli;

import dev.coppice.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The command that does what a verdict advises. */
final class AdvisedCommand {
  private AdvisedCommand() {}

  /**
   * Gives the parts of the command, each an option with its value.
   *
   * @param sizes as they were given
   * @param data what the verdict rests on
   */
  static Optional<List<String>> of(
      Verdict verdict, Path model, List<String> sizes, DataChoice data) {
    boolean pays = verdict.kind() == Verdict.Kind.PAYS;
    if (!pays && verdict.kind() != Verdict.Kind.COSTS_QUALITY) {
      return Optional.empty();
    }
    Advice.Shrunk subject = verdict.subject().orElseThrow();
    List<String> parts =
        new ArrayList<>(List.of("coppice", "shrink", quoted(model.toString()), "-o small.onnx"));
    parts.add(
        pays
            ? "--target macs=" + subject.target()
            : String.format(Locale.ROOT, "--max-drop %.2f", Verdict.TOLERABLE));
    if (pays && subject.scope() == Scope.TENSOR) {
      parts.add("--scope tensor");
    }
    if (data.calibration != null) {
      parts.add("--criterion activation");
      parts.add("--calibration " + quoted(data.calibration));
      parts.add("--repair");
    }
    if (data.eval != null) {
      parts.add("--eval " + quoted(data.eval));
    }
    if (data.samples != DataChoice.CALIBRATION_SAMPLES) {
      parts.add("--samples " + data.samples);
    }
    if (data.evalSamples != Integer.MAX_VALUE) {
      parts.add("--eval-samples " + data.evalSamples);
    }
    if (data.tokens != DataChoice.TOKENS) {
      parts.add("--tokens " + data.tokens);
    }
    sizes.forEach(size -> parts.add("--size " + quoted(size)));
    return Optional.of(parts);
  }

  /** Gives the commands that put zeros into the model and compress its layers, if that pays. */
  static List<List<String>> sparsify(Verdict verdict, Path model, List<String> sizes) {
    if (verdict.sparse().isEmpty()) {
      return List.of();
    }
    boolean pairs = verdict.sparse().get().pattern().equals("2:4");
    List<String> sparsify =
        new ArrayList<>(
            List.of("coppice", "sparsify", "pruned.onnx", "-o sparse.onnx", "--format auto"));
    sizes.forEach(size -> sparsify.add("--size " + quoted(size)));
    return List.of(
        List.of(
            "coppice",
            "prune",
            quoted(model.toString()),
            "-o pruned.onnx",
            pairs ? "--pattern 2:4" : "--sparsity 0.5"),
        sparsify);
  }

  /** Writes a word so that a shell takes it as one. */
  private static String quoted(String word) {
    return word.matches("[\\w./:=@+,-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
