package dev.coppice.benchmarks;

import dev.coppice.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * The whole command, file to file, with the page cache warm: against PyTorch doing the same, and
 * against {@code cp} and fsync of the file.
 *
 * @param coppice the launcher
 * @param python one that has torch and safetensors, if there is any
 * @param script what it runs
 * @param folder for models; emptied at the end
 * @param times how often each is measured; the median counts
 */
record CommandSuite(Path coppice, Optional<String> python, Path script, Path folder, int times) {
  private static final String TABLE = "command";

  /** Measures a model of so many weights, with its peers or against the disk alone. */
  void run(Results results, String model, DType dtype, long weights, int tensors, boolean peers)
      throws IOException, InterruptedException {
    Path input = folder.resolve("model.safetensors");
    Path output = folder.resolve("pruned.safetensors");
    long bytes = CheckpointMaker.bytes(dtype, weights, tensors);
    CheckpointMaker.write(input, dtype, weights, tensors, 1);
    measure(Map.of(), "sync");
    String copy = "cp \"$0\" \"$1\" && sync \"$1\"";
    String[] prune = prune(input, output, "native");
    try {
      measure(Map.of(), prune); // Builds what is missing, warms the page cache.
      add(results, model, "cp and fsync", bytes, times("sh", "-c", copy, input, output));
      add(results, model, "coppice native", bytes, median(Map.of(), times, prune));
      if (peers) {
        add(
            results,
            model,
            "coppice reference",
            bytes,
            median(Map.of(), 1, prune(input, output, "reference")));
        if (python.isPresent()) {
          MeasuredProcess torch = times(python.get(), script, input, output);
          add(results, model, "torch", bytes, torch).with("prune_seconds", torch.printed("prune"));
        }
      } else {
        Map<String, String> small = Map.of("COPPICE_JAVA_OPTS", "-Xmx256m");
        add(results, model, "coppice native, -Xmx256m", bytes, median(small, times, prune));
      }
    } finally {
      Files.deleteIfExists(input);
      Files.deleteIfExists(output);
    }
  }

  private String[] prune(Path input, Path output, String backend) {
    return new String[] {
      coppice.toString(),
      "prune",
      input.toString(),
      "-o",
      output.toString(),
      "--sparsity",
      "0.5",
      "--scope",
      "global",
      "--backend",
      backend,
      "--force",
      "--quiet"
    };
  }

  private MeasuredProcess times(Object... command) throws IOException, InterruptedException {
    String[] words = new String[command.length];
    for (int i = 0; i < words.length; i++) {
      words[i] = command[i].toString();
    }
    return median(Map.of(), times, words);
  }

  private MeasuredProcess median(Map<String, String> environment, int runs, String... command)
      throws IOException, InterruptedException {
    return MeasuredProcess.median(runs, folder.resolve("log"), environment, command);
  }

  private void measure(Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    MeasuredProcess.run(folder.resolve("log"), environment, command);
  }

  private static Results.Row add(
      Results results, String model, String command, long bytes, MeasuredProcess measured) {
    return results
        .add(TABLE)
        .with("model", model)
        .with("command", command)
        .with("seconds", measured.seconds())
        .with("gigabytes_per_second", bytes / measured.seconds() / 1e9)
        .with("resident_mib", measured.residentMebibytes())
        .with("prune_seconds", "");
  }
}
