package dev.coppice.benchmarks;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** What the CUDA backend has to reach on a device, from the figures of one run. */
final class GpuTargets {
  private static final String BILLION = "1000000000";

  private final Results results;
  private final List<RowFile.Entry> entries;
  private final boolean emulated;

  private GpuTargets(Results results, List<RowFile.Entry> entries) {
    this.results = results;
    this.entries = entries;
    this.emulated = find("machine", "emulated", "yes").isPresent();
  }

  /** Adds a table of those whose figures are there. */
  static void add(Results results, List<RowFile.Entry> entries) {
    GpuTargets targets = new GpuTargets(results, entries);
    for (String dtype : List.of("BF16", "F32")) {
      String[] global = {"operation", "global 50 %", "dtype", dtype, "input", "GAUSSIAN"};
      targets.atMost(
          dtype + ", global 50 %, a billion weights: times the floor",
          targets.large(global).map(e -> number(e, "times_the_floor")),
          1.25);
      String[] groups = {"operation", "2:4 in place", "dtype", dtype, "input", "GAUSSIAN"};
      targets.atMost(
          dtype + ", 2:4 in place, a billion weights: times the floor",
          targets.large(groups).map(e -> number(e, "times_the_floor")),
          1.15);
      for (String peer : List.of("topk", "kthvalue")) {
        targets.atLeast(
            dtype + ", global 50 %: times faster than torch, " + peer,
            targets.against(global, peer, dtype),
            peer.equals("topk") ? 4 : 20);
      }
      targets.layers(dtype);
    }
    targets.atMost(
        "a call on 4096 weights: us",
        targets
            .find("call", "operation", "tensor 50 %", "weights", "4096")
            .map(e -> number(e, "median_us")),
        50);
    targets.atMost(
        "file to device to file: times cp",
        targets
            .find("file", "command", "coppice cuda, global 50 %")
            .map(e -> number(e, "times_cp")),
        1.5);
  }

  private void layers(String dtype) {
    String[] tensor = {"operation", "tensor 50 %", "dtype", dtype, "tensors", "200"};
    atMost(
        dtype + ", 200 tensors, on the device: ms",
        find("device", tensor).map(e -> number(e, "median_ms")),
        1);
    atMost(
        dtype + ", 200 tensors, with the host: ms",
        find("call", tensor).map(e -> number(e, "median_us") * 1e-3),
        2);
  }

  private Optional<RowFile.Entry> large(String... pairs) {
    String[] all = Arrays.copyOf(pairs, pairs.length + 2);
    all[pairs.length] = "weights";
    all[pairs.length + 1] = BILLION;
    return find("device", all);
  }

  private Optional<Double> against(String[] ours, String peer, String dtype) {
    Optional<RowFile.Entry> torch =
        find("torch", "operation", peer, "dtype", dtype, "weights", BILLION);
    return large(ours)
        .flatMap(e -> torch.map(t -> number(t, "median_ms") / number(e, "median_ms")));
  }

  private static boolean is(RowFile.Entry entry, String name, String value) {
    return value.equals(String.valueOf(entry.fields().get(name)));
  }

  private static double number(RowFile.Entry entry, String name) {
    return ((Number) Objects.requireNonNull(entry.fields().get(name))).doubleValue();
  }

  private Optional<RowFile.Entry> find(String table, String... pairs) {
    return entries.stream()
        .filter(e -> e.table().equals(table))
        .filter(
            e -> {
              boolean all = true;
              for (int i = 0; i < pairs.length; i += 2) {
                all &= is(e, pairs[i], pairs[i + 1]);
              }
              return all;
            })
        .findFirst();
  }

  private void atLeast(String measure, Optional<Double> value, double reach) {
    value.ifPresent(v -> add(measure, v, "at least " + reach, v >= reach));
  }

  private void atMost(String measure, Optional<Double> value, double reach) {
    value.ifPresent(v -> add(measure, v, "at most " + reach, v <= reach));
  }

  private void add(String measure, double value, String reach, boolean reached) {
    results
        .add("targets")
        .with("measure", measure)
        .with("value", value)
        .with("reach", reach)
        .with("reached", emulated ? "emulated, not a measurement" : reached ? "yes" : "no");
  }
}
