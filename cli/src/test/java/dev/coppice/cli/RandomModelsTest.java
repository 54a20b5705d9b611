package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Amount;
import dev.coppice.Backends;
import dev.coppice.Criterion;
import dev.coppice.Pattern;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Models and plans made from a seed, pruned from file to file: the same bytes from every backend,
 * slice and number of shards; the counts that were asked for; nothing else changed.
 */
class RandomModelsTest {
  private static final String[] TYPES = {"F32", "F16", "BF16", "I64", "U8"};

  private static final List<Scope> SCOPES = List.of(Scope.values());

  /** A tensor of the model. */
  private static final class Made {
    final String name;
    final String type;
    final byte[] bytes;
    final String shape;

    Made(String name, String type, byte[] bytes, String shape) {
      this.name = name;
      this.type = type;
      this.bytes = bytes;
      this.shape = shape;
    }
  }

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
  void allBackendsAndAllShardingsGiveTheSameBytes(long seed) throws IOException {
    Random random = new Random(seed);
    List<Made> tensors = tensors(random);
    PruningPlan plan = plan(random);
    Path single = write(tensors, folder.resolve("model.safetensors"));
    Path sharded = writeShards(tensors, 1 + random.nextInt(4));
    Map<String, ByteBuffer> first = new HashMap<>();
    for (Backends.Entry backend : Backends.all()) {
      if (backend.availability() instanceof Availability.Usable) {
        for (Path input : List.of(single, sharded)) {
          int sliceBytes = 64 << random.nextInt(12);
          Path output = folder.resolve("out-%s-%s".formatted(backend.name(), input.getFileName()));
          PruningReport report = prune(backend.name(), sliceBytes, input, plan, output);
          checkCounts(plan, report);
          Map<String, ByteBuffer> pruned = contents(output);
          if (first.isEmpty()) {
            first.putAll(pruned);
            checkOnlyPrunedBytesDiffer(tensors, pruned, report);
          }
          assertThat(pruned)
              .as("%s, slices of %d, %s, %s", backend.name(), sliceBytes, input.getFileName(), plan)
              .isEqualTo(first);
          if (input == single) {
            byte[] before = Files.readAllBytes(single);
            int header = 8 + ByteBuffer.wrap(before).order(ByteOrder.LITTLE_ENDIAN).getInt();
            assertThat(Files.readAllBytes(output))
                .hasSize(before.length)
                .startsWith(Arrays.copyOf(before, header));
          }
        }
      }
    }
    assertThat(first).isNotEmpty();
  }

  private static PruningReport prune(
      String backend, int sliceBytes, Path input, PruningPlan plan, Path output)
      throws IOException {
    try (Pruner pruner = Pruner.builder().backend(backend).sliceBytes(sliceBytes).build();
        Checkpoint checkpoint = Checkpoints.open(input)) {
      PruningReport dry = pruner.dryRun(checkpoint, plan);
      PruningReport done = pruner.prune(checkpoint, plan, output, false);
      assertThat(dry.tensors()).isEqualTo(done.tensors());
      return done;
    }
  }

  private static void checkCounts(PruningPlan plan, PruningReport report) {
    for (int r = 0; r < plan.rules().size(); r++) {
      int rule = r;
      List<PruningReport.TensorReport> rows =
          report.tensors().stream().filter(t -> t.rule() == rule).toList();
      if (plan.rules().get(r).pattern() instanceof Pattern.Unstructured pattern
          && pattern.scope() != Scope.ROW) {
        Amount amount = pattern.amount();
        long asked =
            pattern.scope() == Scope.GLOBAL
                ? amount.of(rows.stream().mapToLong(t -> t.total() - t.nans()).sum())
                : rows.stream().mapToLong(t -> amount.of(t.total() - t.nans())).sum();
        assertThat(rows.stream().mapToLong(PruningReport.TensorReport::pruned).sum())
            .isEqualTo(asked);
      }
    }
  }

  private static void checkOnlyPrunedBytesDiffer(
      List<Made> tensors, Map<String, ByteBuffer> pruned, PruningReport report) {
    Map<String, Long> newlyZero =
        report.tensors().stream()
            .collect(
                Collectors.toMap(t -> t.tensor().name(), PruningReport.TensorReport::newlyZero));
    for (Made tensor : tensors) {
      ByteBuffer after = pruned.get(tensor.name);
      assertThat(after).as(tensor.name).isNotNull();
      int size = tensor.type.equals("F32") ? 4 : 2;
      long gone = 0;
      for (int i = 0; after != null && i + size <= tensor.bytes.length; i += size) {
        boolean same = true;
        boolean zeroBefore = true;
        boolean zeroAfter = true;
        for (int b = 0; b < size; b++) {
          byte was = tensor.bytes[i + b];
          same &= was == after.get(i + b);
          zeroAfter &= after.get(i + b) == 0;
          zeroBefore &= (b == size - 1 ? was & 0x7F : was) == 0;
        }
        assertThat(same || zeroAfter).as("%s, byte %d", tensor.name, i).isTrue();
        gone += !same && !zeroBefore ? 1 : 0;
      }
      assertThat(gone).as(tensor.name).isEqualTo(newlyZero.getOrDefault(tensor.name, 0L));
    }
  }

  private static List<Made> tensors(Random random) {
    List<Made> tensors = new ArrayList<>();
    int count = 3 + random.nextInt(10);
    for (int i = 0; i < count; i++) {
      String type = i == 0 ? "F32" : TYPES[random.nextInt(TYPES.length)];
      int size = type.equals("I64") ? 8 : type.equals("F32") ? 4 : type.equals("U8") ? 1 : 2;
      int rows = 1 + random.nextInt(30);
      int columns = 8 * (1 + random.nextInt(30));
      boolean flat = i > 0 && random.nextInt(4) == 0;
      byte[] bytes = new byte[size * rows * columns];
      fill(bytes, type, random);
      String name =
          (random.nextInt(5) == 0 ? "norm" : "layer") + "." + i + (flat ? ".bias" : ".weight");
      tensors.add(new Made(name, type, bytes, flat ? "" + rows * columns : rows + "," + columns));
    }
    tensors.set(0, new Made("layer.0.weight", "F32", tensors.get(0).bytes, tensors.get(0).shape));
    return tensors;
  }

  /** Fills with few different values, or with any bits but NaN. */
  private static void fill(byte[] bytes, String type, Random random) {
    random.nextBytes(bytes);
    boolean ties = random.nextBoolean();
    int size = type.equals("F32") ? 4 : 2;
    if (type.equals("I64") || type.equals("U8")) {
      return;
    }
    for (int i = 0; i < bytes.length; i += size) {
      if (ties) {
        Arrays.fill(bytes, i, i + size - 1, (byte) 0);
        bytes[i + size - 1] = (byte) (random.nextInt(5) * (random.nextBoolean() ? 1 : 33));
      }
      bytes[i + size - 1] &=
          (byte) 0xBF; // an exponent that is not all ones: neither NaN nor infinite
    }
  }

  /** Makes a plan of one rule, or of two of which the second also takes what the first takes. */
  private static PruningPlan plan(Random random) {
    Rule first = rule(random);
    return random.nextBoolean()
        ? PruningPlan.of(first).withSeed(random.nextLong())
        : PruningPlan.of(first.include("layer.0.weight"), rule(random).include("*"))
            .withSeed(random.nextLong());
  }

  private static Rule rule(Random random) {
    Criterion criterion =
        random.nextInt(3) == 0 ? new Criterion.Random() : new Criterion.Magnitude();
    if (random.nextInt(4) == 0) {
      int m = 2 << random.nextInt(3);
      return Rule.nOfM(1 + random.nextInt(m - 1), m).by(criterion);
    }
    Scope scope = SCOPES.get(random.nextInt(3));
    double sparsity = random.nextInt(8) == 0 ? random.nextInt(2) : random.nextDouble();
    OptionalDouble cap =
        scope == Scope.GLOBAL && random.nextBoolean()
            ? OptionalDouble.of(Math.min(1, sparsity * 1.2 + 0.01))
            : OptionalDouble.empty();
    return Rule.of(new Pattern.Unstructured(scope, new Amount.Fraction(sparsity), cap))
        .by(criterion);
  }

  private static Path write(List<Made> tensors, Path file) throws IOException {
    TinyModel model = new TinyModel();
    tensors.forEach(t -> model.bytes(t.name, t.type, t.bytes, t.shape));
    return model.write(file);
  }

  private Path writeShards(List<Made> tensors, int shards) throws IOException {
    Path model = Files.createDirectory(folder.resolve("sharded"));
    List<String> entries = new ArrayList<>();
    for (int s = 0; s < shards; s++) {
      int shard = s;
      String file = "model-%d.safetensors".formatted(s);
      List<Made> own = new ArrayList<>();
      for (int i = 0; i < tensors.size(); i++) {
        if (i % shards == shard) {
          own.add(tensors.get(tensors.size() - 1 - i));
        }
      }
      if (!own.isEmpty()) {
        write(own, model.resolve(file));
      }
      own.forEach(t -> entries.add("\"%s\":\"%s\"".formatted(t.name, file)));
    }
    Files.writeString(
        model.resolve("model.safetensors.index.json"),
        "{\"metadata\":{},\"weight_map\":{" + String.join(",", entries) + "}}");
    return model;
  }

  private static Map<String, ByteBuffer> contents(Path path) throws IOException {
    Map<String, ByteBuffer> all = new HashMap<>();
    try (Checkpoint checkpoint = Checkpoints.open(path)) {
      for (CheckpointTensor tensor : checkpoint.tensors()) {
        ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes());
        checkpoint.readBytes(tensor, 0, bytes);
        all.put(tensor.name(), bytes.clear());
      }
    }
    return all;
  }
}
