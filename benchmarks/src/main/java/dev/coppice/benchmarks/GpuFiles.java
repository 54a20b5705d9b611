package dev.coppice.benchmarks;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A checkpoint from file to device to file, with the page cache warm, against {@code cp} of it.
 *
 * @param folder for models; emptied at the end
 * @param rows where figures go
 */
record GpuFiles(Path folder, RowFile rows) {
  private static final int TENSORS = 64;
  private static final int TIMES = 3;

  /** What is timed. */
  @FunctionalInterface
  private interface Work {
    void run() throws IOException, InterruptedException;
  }

  /** Gives the largest size up to {@code wanted} that the disk and the page cache have room for. */
  static long fitting(Path folder, long wanted) throws IOException {
    long disk = Files.getFileStore(folder).getUsableSpace() / 4;
    long cache = Machine.number(Machine.field("/proc/meminfo", "MemAvailable", "0")) * 1024 / 3;
    long size = wanted;
    while (size > Math.min(disk, cache) && size > 1 << 20) {
      size /= 2;
    }
    return size;
  }

  /** Measures a BF16 checkpoint of so many bytes, and compares what was written to native's. */
  void run(long bytes) throws IOException, InterruptedException {
    Path input = folder.resolve("model.safetensors");
    Path output = folder.resolve("pruned.safetensors");
    Path expected = folder.resolve("expected.safetensors");
    try (Pruner cuda = Pruner.builder().backend("cuda").build();
        Pruner cpu = Pruner.builder().backend("native").build()) {
      CheckpointMaker.write(input, DType.BF16, bytes / 2, TENSORS, 1);
      Path log = folder.resolve("log");
      Work plain =
          () -> MeasuredProcess.run(log, Map.of(), "cp", input.toString(), output.toString());
      String forced = "cp \"$0\" \"$1\" && sync \"$1\"";
      Work durable =
          () ->
              MeasuredProcess.run(
                  log, Map.of(), "sh", "-c", forced, input.toString(), output.toString());
      MeasuredProcess.run(log, Map.of(), "sync");
      double cp = add(bytes, "cp", plain, 0, output);
      add(bytes, "cp and fsync", durable, cp, output);
      add(bytes, "coppice cuda, global 50 %", () -> prune(cuda, input, output), cp, output);
      prune(cpu, input, expected);
      if (Files.mismatch(output, expected) != -1) {
        throw new IOException("cuda and native wrote different checkpoints");
      }
    } finally {
      for (String name : new String[] {"model", "pruned", "expected"}) {
        Files.deleteIfExists(folder.resolve(name + ".safetensors"));
      }
      Files.deleteIfExists(folder.resolve("log"));
    }
  }

  private static void prune(Pruner pruner, Path input, Path output) throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(input)) {
      pruner.prune(checkpoint, PruningPlan.of(Rule.unstructured(0.5, Scope.GLOBAL)), output, true);
    }
  }

  /** Adds the best of three, each into a new file. */
  private double add(long bytes, String what, Work work, double cp, Path output)
      throws IOException, InterruptedException {
    double best = Double.MAX_VALUE;
    for (int i = 0; i < TIMES; i++) {
      Files.deleteIfExists(output);
      long begin = System.nanoTime();
      work.run();
      best = Math.min(best, (System.nanoTime() - begin) * 1e-9);
    }
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("bytes", bytes);
    row.put("file_system", Files.getFileStore(folder).type());
    row.put("command", what);
    row.put("best_seconds", best);
    row.put("gb_per_second", bytes / best * 1e-9);
    row.put("times_cp", cp == 0 ? 1.0 : best / cp);
    rows.add("file", row);
    return best;
  }
}
