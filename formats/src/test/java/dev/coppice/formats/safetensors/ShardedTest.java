package dev.coppice.formats.safetensors;

import static dev.coppice.formats.safetensors.SafetensorsCheckpointTest.rewrite;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShardedTest {
  private static final String INDEX = "model.safetensors.index.json";
  private static final String FIRST = "model-00001-of-00002.safetensors";
  private static final String SECOND = "model-00002-of-00002.safetensors";
  private static final String JSON =
      """
      {
        "metadata": {"total_size": 96, "x\\u0041": [1.50, null]},
        "weight_map": {
          "d": "model-00002-of-00002.safetensors",
          "a": "model-00001-of-00002.safetensors",
          "b": "model-00001-of-\\u00300002.safetensors",
          "c": "model-00002-of-00002.safetensors"
        } , "é": {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
      }
      """;

  @TempDir Path scratch;
  private Path folder;
  private Path index;

  @BeforeEach
  void writeModel() throws IOException {
    folder = Files.createDirectory(scratch.resolve("in"));
    SafetensorsFiles.matrices(folder, FIRST, "{\"format\":\"pt\"}", "a", "b");
    SafetensorsFiles.matrices(folder, SECOND, null, "c", "d");
    index = Files.writeString(folder.resolve(INDEX), JSON);
  }

  @Test
  void theTensorsAreThoseOfTheShards() throws IOException {
    for (Path path : new Path[] {index, folder}) {
      try (Checkpoint checkpoint = Checkpoints.open(path)) {
        assertThat(checkpoint.format()).isEqualTo("safetensors");
        assertThat(checkpoint.path()).isEqualTo(path);
        assertThat(checkpoint.tensors())
            .extracting(CheckpointTensor::name)
            .containsExactly("a", "b", "c", "d");
        assertThat(checkpoint.bytes()).isEqualTo(size(folder));
      }
    }
  }

  @Test
  void theCopyOfAnIndexHasFreshShardsAndTheSameText() throws IOException {
    Path out = Files.createDirectory(scratch.resolve("out"));
    Path target = out.resolve("pruned.safetensors.index.json");
    prune(index, target, false);

    Map<String, String> shards = shardNames(out);
    assertThat(shards.keySet()).containsExactly(FIRST, SECOND);
    String expected =
        JSON.replace("00001-of-\\u00300002", "00001-of-00002")
            .replace("\": \"" + FIRST + "\"", "\": \"" + shards.get(FIRST) + "\"")
            .replace("\": \"" + SECOND + "\"", "\": \"" + shards.get(SECOND) + "\"")
            .replace(
                "{\"weight_map\": {\"a\": \"" + shards.get(FIRST),
                "{\"weight_map\": {\"a\": \"" + FIRST);
    assertThat(target).hasContent(expected);
    assertPruned(target);
    assertThat(list(out)).hasSize(3);
  }

  @Test
  void replacingAnIndexRemovesTheShardsThatItNamedAndNoOthers() throws IOException {
    Path target = folder.resolve("pruned.safetensors.index.json");
    prune(index, target, false);
    Set<String> before = list(folder);
    assertThatThrownBy(() -> prune(index, target, false))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(list(folder)).isEqualTo(before);
    prune(index, target, true);
    assertThat(list(folder)).hasSize(6).isNotEqualTo(before).contains(FIRST, SECOND, INDEX);
    assertPruned(target);
  }

  @Test
  void shardsThatAreAlsoTheInputsOutliveTheIndexThatNamedThem() throws IOException {
    Path first = folder.resolve("first.safetensors.index.json");
    prune(index, first, false);
    Path second = Files.copy(first, folder.resolve("second.safetensors.index.json"));
    prune(first, second, true);
    assertPruned(first);
    assertPruned(second);
  }

  @Test
  void theCopyOfAFolderHasTheSameNamesAndItsConfiguration() throws IOException {
    Files.writeString(folder.resolve("config.json"), "{}");
    Files.writeString(folder.resolve("pytorch_model.bin"), "weights");
    Files.writeString(folder.resolve("consolidated.safetensors"), "weights");
    Files.createDirectories(folder.resolve("1_Pooling"));
    Files.writeString(folder.resolve("1_Pooling/config.json"), "{\"pool\":1}");
    Files.createDirectories(folder.resolve(".cache"));
    Files.writeString(folder.resolve(".cache/x"), "x");
    Path out = folder.resolve("pruned"); // Below the input: it must not be copied into itself.
    prune(folder, out, false);
    assertPruned(out);
    assertThat(list(out))
        .containsExactly("1_Pooling/config.json", "config.json", FIRST, SECOND, INDEX);
    assertThat(out.resolve(INDEX)).hasContent(JSON);
    assertThat(out.resolve("1_Pooling/config.json")).hasContent("{\"pool\":1}");

    assertThatThrownBy(() -> prune(folder, out, false))
        .isInstanceOf(FileAlreadyExistsException.class);
    prune(folder, out, true);
    assertPruned(out);
  }

  @Test
  void shardsMayHaveAnyNameAndLieInFolders() throws IOException {
    Path part = Files.createDirectory(folder.resolve("parts")).resolve("first.part");
    Files.move(folder.resolve(FIRST), part);
    Files.writeString(
        index, JSON.replace("\\u0030", "0").replace("\"" + FIRST, "\"./parts/first.part"));
    Path out = scratch.resolve("out");
    prune(folder, out, false);
    assertPruned(out);
    assertThat(list(out)).containsExactly(SECOND, INDEX, "parts/first.part");
    Path target = scratch.resolve(INDEX);
    prune(index, target, false);
    assertPruned(target);
  }

  @Test
  void aSnapshotOfAHubCacheIsReadAndItsCopyHasNoLinks() throws IOException {
    Path cache = scratch.resolve("models--somebody--something");
    Path blobs = Files.createDirectories(cache.resolve("blobs"));
    Path snapshot = Files.createDirectories(cache.resolve("snapshots/1f2e"));
    Files.writeString(folder.resolve("config.json"), "{}");
    for (String name : list(folder)) {
      String blob = Integer.toHexString(name.hashCode());
      Files.move(folder.resolve(name), blobs.resolve(blob));
      Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs", blob));
    }
    Path out = scratch.resolve("out");
    prune(snapshot, out, false);
    assertPruned(out);
    assertThat(list(out)).containsExactly("config.json", FIRST, SECOND, INDEX);
    for (String name : list(out)) {
      assertThat(Files.isSymbolicLink(out.resolve(name))).isFalse();
    }
    prune(snapshot.resolve(INDEX), scratch.resolve(INDEX), false);
    assertPruned(scratch.resolve(INDEX));
  }

  @Test
  void theSameBytesComeOutOfOneFileAndOfShards() throws IOException {
    Path one = SafetensorsFiles.matrices(folder, "one.safetensors", null, "a", "b", "c", "d");
    try (Checkpoint single = Checkpoints.open(one);
        Checkpoint sharded = Checkpoints.open(index)) {
      assertThat(sharded.tensors()).isEqualTo(single.tensors());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "../in/model-00001-of-00002.safetensors",
    "/etc/passwd",
    "a\\u0000b.safetensors",
    "up/secret.safetensors",
    "secret-link.safetensors",
  })
  void aShardOutsideTheFolderIsRefused(String name) throws IOException {
    Path secret = SafetensorsFiles.matrices(scratch, "secret.safetensors", null, "a", "b");
    Files.createSymbolicLink(folder.resolve("up"), Path.of(".."));
    Files.createSymbolicLink(folder.resolve("secret-link.safetensors"), secret);
    refused(Code.PATH_ESCAPE, JSON.replace(FIRST, name));
  }

  @Test
  void anIndexThatDoesNotAgreeWithItsShardsIsRefused() throws IOException {
    refused(Code.INDEX, JSON.replace(FIRST, "missing.safetensors"));
    refused(Code.INDEX, JSON.replace("\"a\": \"" + FIRST, "\"e\": \"" + FIRST));
    refused(Code.INDEX, JSON.replace("\"a\": \"" + FIRST, "\"a\": \"" + SECOND));
    refused(Code.INDEX, JSON.replace("\"c\":", "\"c\": \"" + SECOND + "\", \"e\":"));
    refused(Code.INDEX, JSON.replace("    \"c\":", "    \"é\":"));
    refused(Code.INDEX, "{}");
    refused(Code.INDEX, "{\"weight_map\":[]}");
    refused(Code.INDEX, "{\"weight_map\":{\"a\":1}}");
    SafetensorsFiles.matrices(folder, SECOND, null, "c", "d", "a");
    refused(Code.INDEX, JSON);
  }

  @Test
  void anIndexThatIsNotStrictJsonIsRefused() throws IOException {
    refused(Code.HEADER_JSON, "[]");
    refused(Code.HEADER_JSON, JSON + "x");
    refused(Code.HEADER_JSON, "");
    refused(Code.JSON_DEPTH, "{\"x\":" + "[".repeat(100_000));
    refused(Code.DUPLICATE_KEY, "{\"weight_map\":{},\"weight_map\":{}}");
    refused(Code.DUPLICATE_KEY, "{\"weight_map\":{\"a\":\"x\",\"a\":\"x\"}}");
  }

  @Test
  void hundredsOfShardsAreOpenAtOnce() throws IOException {
    StringBuilder json = new StringBuilder("{\"weight_map\":{");
    for (int i = 0; i < 500; i++) {
      SafetensorsFiles.matrices(folder, i + ".safetensors", null, "t" + i);
      json.append(i == 0 ? "" : ",").append("\"t%d\":\"%d.safetensors\"".formatted(i, i));
    }
    Files.writeString(index, json.append("}}"));
    try (Checkpoint checkpoint = Checkpoints.open(index)) {
      assertThat(checkpoint.tensors()).hasSize(500);
      rewrite(checkpoint, scratch.resolve(INDEX), Set.of("t7"), false);
    }
    try (Checkpoint checkpoint = Checkpoints.open(scratch.resolve(INDEX))) {
      assertThat(checkpoint.tensors()).hasSize(500);
    }
  }

  private void refused(Code code, String json) throws IOException {
    Files.writeString(index, json);
    assertThatThrownBy(() -> Checkpoints.open(index))
        .as(json.substring(0, Math.min(200, json.length())))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining("in");
  }

  private static void prune(Path from, Path to, boolean overwrite) throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(from)) {
      rewrite(checkpoint, to, Set.of("b", "c"), overwrite);
    }
  }

  private static void assertPruned(Path path) throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(path)) {
      for (CheckpointTensor tensor : checkpoint.tensors()) {
        ByteBuffer bytes = ByteBuffer.allocate(24);
        checkpoint.read(tensor, 0, bytes);
        boolean zero = bytes.flip().equals(ByteBuffer.allocate(24));
        assertThat(zero).as(tensor.name()).isEqualTo("bc".contains(tensor.name()));
      }
      assertThat(checkpoint.tensors()).hasSize(4);
    }
  }

  /** Gives the shards' new names by their old ones. */
  private static Map<String, String> shardNames(Path folder) throws IOException {
    return list(folder).stream()
        .filter(name -> name.endsWith(".safetensors"))
        .collect(
            Collectors.toMap(
                name -> name.replaceFirst("-[0-9a-f]{16}\\.", "."),
                name -> name,
                (a, b) -> a,
                TreeMap::new));
  }

  private static Set<String> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private static long size(Path folder) throws IOException {
    long size = 0;
    for (String file : list(folder)) {
      size += Files.size(folder.resolve(file));
    }
    return size;
  }
}
