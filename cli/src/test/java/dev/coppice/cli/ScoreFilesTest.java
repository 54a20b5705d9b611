package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.graph.ShrinkRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScoreFilesTest {
  private static final Path MODELS =
      Path.of(System.getProperty("coppice.root", ".."))
          .resolve("evaluation/src/main/resources/dev/coppice/evaluation/fashion");
  private static final Path DENSE = MODELS.resolve("fashion-resnet.onnx");

  @TempDir Path folder;

  private static String name(Path start, String eval) throws IOException {
    return name(start, eval, false, "reference");
  }

  private static String name(Path start, String eval, boolean repair, String repairs)
      throws IOException {
    ShrinkOptions options = new ShrinkOptions();
    options.target = "macs=0.5";
    ShrinkRequest request = options.request();
    ShrinkDataOptions data = new ShrinkDataOptions();
    data.eval = eval;
    data.repair = repair;
    return ScoreFiles.name(List.of(DENSE, start), request, data, repairs);
  }

  @Test
  void aModelThatWasPrunedFirstHasScoresOfItsOwn() throws IOException {
    Path small = folder.resolve("pruned.onnx");
    Invocation.of("shrink", DENSE, "-o", small, "--target=macs=0.9");
    String eval = folder + ":accuracy";
    assertThat(name(small, eval)).isNotEqualTo(name(DENSE, eval)).isEqualTo(name(small, eval));
  }

  @Test
  void repairsByOtherSumsHaveScoresOfTheirOwn() throws IOException {
    String eval = folder + ":accuracy";
    String java = name(DENSE, eval, true, "reference plain Java");
    assertThat(java)
        .isEqualTo(name(DENSE, eval, true, "reference plain Java"))
        .isNotEqualTo(name(DENSE, eval, true, "cuda cuBLAS 12"))
        .isNotEqualTo(name(DENSE, eval, false, "reference plain Java"));
    assertThat(name(DENSE, eval, false, "cuda cuBLAS 12")).isEqualTo(name(DENSE, eval));
  }

  @Test
  void aChangeOfAnyFileThatDataAreReadFromIsSeen() throws IOException {
    Path images = Files.createDirectories(folder.resolve("images/cat"));
    Path tokens = Files.createDirectories(folder.resolve("tokens"));
    String byFolder = folder.resolve("images") + ":accuracy";
    String named = folder.resolve("pairs.csv") + "@" + tokens.resolve("own.json") + ":spearman";
    String beside = folder.resolve("pairs.csv") + ":spearman";
    String idx = folder.resolve("a-images-idx3-ubyte") + ":accuracy";
    assertSeen(byFolder, images.resolve("1.png"));
    assertSeen(byFolder, folder.resolve("images/preprocess.json"));
    assertSeen(named, folder.resolve("pairs.csv"));
    assertSeen(named, tokens.resolve("own.json"));
    assertSeen(beside, folder.resolve("tokenizer.json"));
    assertSeen(idx, folder.resolve("a-images-idx3-ubyte"));
    assertSeen(idx, folder.resolve("a-labels-idx1-ubyte"));
    assertSeen(idx, folder.resolve("preprocess.json"));
  }

  private static void assertSeen(String eval, Path file) throws IOException {
    Set<String> names = new HashSet<>();
    names.add(name(DENSE, eval));
    Files.writeString(file, "a");
    names.add(name(DENSE, eval));
    Files.writeString(file, "ab");
    names.add(name(DENSE, eval));
    assertThat(names).as("%s of %s", file, eval).hasSize(3);
    assertThat(names).contains(name(DENSE, eval));
  }
}
