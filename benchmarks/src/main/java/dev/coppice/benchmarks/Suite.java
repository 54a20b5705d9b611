package dev.coppice.benchmarks;

import dev.coppice.DType;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.openjdk.jmh.runner.RunnerException;

/**
 * Runs the benchmarks and writes their results. Arguments: any of {@code prune}, {@code kernels},
 * {@code server}, {@code command}, {@code linear}, or none for all; settings are system properties,
 * which run.sh sets.
 */
public final class Suite {
  private static final Set<String> PARTS =
      Set.of("prune", "kernels", "server", "command", "linear");

  private Suite() {}

  /** Runs the parts that are named. */
  public static void main(String[] args) throws IOException, InterruptedException, RunnerException {
    Set<String> parts = new LinkedHashSet<>(args.length == 0 ? PARTS : Arrays.asList(args));
    if (!PARTS.containsAll(parts)) {
      System.err.println("usage: run.sh [prune] [kernels] [server] [command] [linear]");
      System.exit(64);
    }
    boolean small = Boolean.getBoolean("coppice.bench.small");
    Machine machine = Machine.here();
    Map<String, Object> head = new LinkedHashMap<>(machine.describe());
    head.put("date", today());
    head.put("commit", System.getProperty("coppice.bench.commit", "unknown"));
    head.put("load_average", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    Results results = new Results(head);
    MemorySuite memory = new MemorySuite(results, small);
    if (parts.contains("prune")) {
      memory.memory();
      memory.prune();
    }
    if (parts.contains("kernels")) {
      memory.kernels();
    }
    if (parts.contains("server")) {
      memory.server();
    }
    if (parts.contains("command")) {
      commands(results, small);
    }
    if (parts.contains("linear")) {
      new LinearSuite(results, small).run();
    }
    Targets.add(results);
    write(results, machine, parts.equals(Set.of("linear")) ? "-linear" : "");
  }

  private static void commands(Results results, boolean small)
      throws IOException, InterruptedException {
    Path home = Path.of(System.getProperty("coppice.bench.home", ".")).toAbsolutePath();
    Path folder = Files.createTempDirectory("coppice-bench");
    CommandSuite suite =
        new CommandSuite(
            home.resolve("coppice"),
            Optional.ofNullable(System.getProperty("coppice.bench.python")),
            home.resolve("benchmarks/bench_torch.py"),
            folder,
            small ? 1 : 3);
    long weights = small ? 1_000_000 : 100_000_000;
    try {
      suite.run(results, "F32", DType.F32, weights, 8, true);
      suite.run(results, "BF16", DType.BF16, weights, 8, true);
      suite.run(results, "large", DType.BF16, small ? 4_000_000 : 2_000_000_000, 32, false);
    } finally {
      Files.deleteIfExists(folder.resolve("log"));
      Files.delete(folder);
    }
  }

  private static void write(Results results, Machine machine, String kind) throws IOException {
    Path folder = Files.createDirectories(Path.of(System.getProperty("coppice.bench.out", ".")));
    Path file = folder.resolve(today() + "-" + machine.slug() + kind);
    results.writeJson(Path.of(file + ".json"));
    Files.writeString(Path.of(file + ".md"), results.toMarkdown());
    System.out.println(results.toMarkdown());
  }

  private static String today() {
    return LocalDate.now(ZoneOffset.UTC).toString();
  }
}
