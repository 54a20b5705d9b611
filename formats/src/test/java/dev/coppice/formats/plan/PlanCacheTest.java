package dev.coppice.formats.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlanCacheTest {
  @TempDir Path folder;

  private static LinearPlan plan(String layer) {
    LinearPlan.Row row =
        new LinearPlan.Row(
            layer,
            2,
            4,
            DType.F32,
            0,
            1,
            "native",
            Format.DENSE,
            1e-3,
            0,
            1,
            32,
            Optional.empty(),
            true);
    return new LinearPlan("cpu:1", "k", List.of(row));
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    }
  }

  @Test
  void whatWasKeptIsFoundBySomebodyWhoAsksForTheSame() {
    Path inside = folder.resolve("plans");
    new PlanCache(inside, "1").keep("layer a", plan("a"));
    assertThat(new PlanCache(inside, "1").find("layer a")).contains(plan("a"));
    assertThat(new PlanCache(inside, "1").find("layer b")).isEmpty();
    assertThat(new PlanCache(inside, "2").find("layer a")).isEmpty();
  }

  @Test
  void aDamagedFileCountsAsNone() throws IOException {
    PlanCache cache = new PlanCache(folder, "1");
    cache.keep("a", plan("a"));
    Files.writeString(files().get(0), "{");
    assertThat(cache.find("a")).isEmpty();
    cache.keep("a", plan("b"));
    assertThat(cache.find("a")).contains(plan("b"));
  }

  @Test
  void whereNothingCanBeWrittenNothingIsKept() throws IOException {
    Path file = Files.createFile(folder.resolve("in the way"));
    PlanCache cache = new PlanCache(file, "1");
    cache.keep("a", plan("a"));
    assertThat(cache.find("a")).isEmpty();
    assertThat(files()).containsExactly(file);
  }

  @Test
  void theOldestGoOnceThereAreManyAndForeignFilesStay() throws IOException {
    Path foreign = Files.createFile(folder.resolve("mine.txt"));
    for (int i = 0; i < PlanCache.MOST_FILES; i++) {
      Path old = Files.createFile(folder.resolve(i + ".json"));
      Files.setLastModifiedTime(old, FileTime.fromMillis(1000L * (i + 1)));
    }
    PlanCache cache = new PlanCache(folder, "1");
    cache.keep("a", plan("a"));
    cache.keep("b", plan("b"));
    assertThat(cache.find("a")).isPresent();
    assertThat(files()).hasSize(PlanCache.MOST_FILES + 1).contains(foreign);
    assertThat(folder.resolve("1.json")).doesNotExist();
    assertThat(folder.resolve("2.json")).exists();
  }
}
