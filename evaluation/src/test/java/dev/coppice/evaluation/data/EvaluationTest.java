package dev.coppice.evaluation.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.CheckpointFormatException;
import dev.coppice.InvalidPlanException;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.formats.Checkpoints;
import dev.coppice.graph.Calibration;
import dev.coppice.graph.Calibration.Activation;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The accuracies come from ONNX Runtime in Python; shared/data's README has those of all images.
 */
class EvaluationTest {
  /** The classifier with the first thousand images and their labels, which the module carries. */
  private static final Path CARRIED = Path.of("src/main/resources/dev/coppice/evaluation/fashion");

  private static final DataOptions TWO_THREADS = DataOptions.withThreads(2);

  @TempDir private Path folder;

  private static byte[] resnet() throws IOException {
    return Files.readAllBytes(CARRIED.resolve("fashion-resnet.onnx"));
  }

  private static double score(String data, byte[] dense, byte[] model, DataOptions options)
      throws IOException {
    try (Evaluation evaluation = Evaluation.of(data, dense, options)) {
      return evaluation.score(model);
    }
  }

  private byte[] pruned(byte[] model, double sparsity) throws IOException {
    Path dense = Files.write(folder.resolve("dense.onnx"), model);
    Path copy = folder.resolve("pruned.onnx");
    try (Pruner pruner = Pruner.create();
        Checkpoint checkpoint = Checkpoints.open(dense)) {
      pruner.prune(checkpoint, PruningPlan.of(Rule.unstructured(sparsity)), copy, true);
    }
    return Files.readAllBytes(copy);
  }

  @Test
  void aClassifierHasTheAccuracyThatItHasInPythonEachTime() throws IOException {
    try (Evaluation evaluation = Evaluation.of(CARRIED + ":accuracy", resnet(), TWO_THREADS)) {
      assertThat(evaluation.metric()).isEqualTo(EvaluationMetric.ACCURACY);
      assertThat(evaluation.data().samples()).isEqualTo(1000);
      assertThat(evaluation.score(resnet())).isEqualTo(0.945);
      assertThat(evaluation.score(pruned(resnet(), 0.9))).isLessThan(0.5);
      assertThat(evaluation.score(resnet())).isEqualTo(0.945);
    }
  }

  @ParameterizedTest
  @Tag("long")
  @CsvSource({"fashion-resnet, 0.9346", "fashion-mobile, 0.9293"})
  void allTenThousandImagesAreClassifiedAsInPython(String model, double accuracy)
      throws IOException {
    Path fashion = shared("fashion");
    byte[] dense = Files.readAllBytes(fashion.resolve(model + ".onnx"));
    Path images = fashion.resolve("t10k-images-idx3-ubyte.gz");
    assertThat(score(images + ":accuracy", dense, dense, TWO_THREADS)).isEqualTo(accuracy);
  }

  private static Path shared(String name) {
    Path shared = Path.of("../../shared/data", name);
    assumeTrue(Files.isDirectory(shared), "no ../shared/data/" + name + " beside the repository");
    return shared;
  }

  @Test
  void aSentenceModelHasItsPublishedRankCorrelation() throws IOException {
    Path pairs = shared("stsb").resolve("test.csv");
    byte[] dense = resource("/all-minilm-l6-v2.onnx");
    String data = pairs + "@" + tokenizer() + ":spearman";
    assertThat(score(data, dense, dense, TWO_THREADS)).isCloseTo(0.8203, within(0.0001));
  }

  @Test
  void aPrunedSentenceModelIsLessLikeTheDenseOne() throws IOException {
    tokenizer();
    Files.writeString(folder.resolve("x.txt"), "A dog barks.\nIt rains today\nbread\n");
    byte[] dense = resource("/all-minilm-l6-v2.onnx");
    String data = folder.resolve("x.txt") + ":cosine-to-dense";
    try (Evaluation evaluation = Evaluation.of(data, dense, TWO_THREADS)) {
      assertThat(evaluation.score(dense)).isCloseTo(1, within(1e-6));
      double half = evaluation.score(pruned(dense, 0.5));
      assertThat(half).isBetween(0.7, 0.999);
      assertThat(evaluation.score(pruned(dense, 0.8))).isLessThan(half);
    }
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = Objects.requireNonNull(EvaluationTest.class.getResourceAsStream(name))) {
      return in.readAllBytes();
    }
  }

  private Path tokenizer() throws IOException {
    return Files.write(
        folder.resolve("tokenizer.json"), resource("/all-minilm-l6-v2-tokenizer.json"));
  }

  @Test
  void calibrationGivesTheFloatOutputsOfEachBatchByName() throws IOException {
    DataOptions options = TWO_THREADS.withSamples(40);
    try (Dataset data = Dataset.open(CARRIED.toString(), resnet(), options);
        Calibration.Session session = data.open(resnet())) {
      assertThat(data.batches()).isEqualTo(2);
      List<List<Long>> shapes = List.of(List.of(32L, 10L), List.of(8L, 10L));
      for (int batch = 0; batch < 2; batch++) {
        assertThat(session.run(batch)).hasSize(1);
        Activation output = session.run(batch).values().iterator().next();
        assertThat(output.shape()).isEqualTo(shapes.get(batch));
        assertThat(output.values().remaining()).isEqualTo(batch == 0 ? 320 : 80);
      }
    }
  }

  @Test
  void aModelThatIsNoneIsRefused() throws IOException {
    assertThatThrownBy(() -> Dataset.open(CARRIED.toString(), new byte[9], TWO_THREADS))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot load the model");
    try (Dataset data = Dataset.open(CARRIED.toString(), resnet(), TWO_THREADS)) {
      assertThatThrownBy(() -> data.open(new byte[0]))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("cannot load the model");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ":", "x.csv", "C:\\x.csv", "x.csv:mse", "x.csv:Accuracy"})
  void anotherMetricIsRefused(String data) {
    assertThatThrownBy(() -> Evaluation.of(data, new byte[0], TWO_THREADS))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("accuracy, spearman, cosine-to-dense")
        .hasMessageContaining("DATA:METRIC");
  }

  @Test
  void whatAMetricNeedsAndTheDataHaveNotIsRefused() throws IOException {
    assertThatThrownBy(() -> Evaluation.of(":accuracy", new byte[0], TWO_THREADS))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("no data");
    assertThatThrownBy(() -> Evaluation.of(CARRIED + ":spearman", resnet(), TWO_THREADS))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("spearman needs pairs");
    Path images = folder.resolve("x:y-images-idx3-ubyte.gz");
    Files.copy(CARRIED.resolve("t1k-images-idx3-ubyte.gz"), images);
    assertThatThrownBy(() -> Evaluation.of(images + ":accuracy", resnet(), TWO_THREADS))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("accuracy needs labels");
    assertThat(score(images + ":cosine-to-dense", resnet(), resnet(), TWO_THREADS))
        .isCloseTo(1, within(1e-6));
  }

  @Test
  void dataThatAreNotThereOrOfNoKnownKindAreRefused() throws IOException {
    assertThatThrownBy(() -> Dataset.open(folder + "/none", resnet(), TWO_THREADS))
        .isInstanceOf(NoSuchFileException.class);
    Path file = Files.createFile(folder.resolve("x.bin"));
    assertThatThrownBy(() -> Dataset.open(file.toString(), resnet(), TWO_THREADS))
        .isInstanceOf(CheckpointFormatException.class)
        .hasMessageContaining("is no data that is read");
    Path text = Files.writeString(folder.resolve("x.txt"), "a");
    assertThatThrownBy(() -> Dataset.open(text.toString(), resnet(), TWO_THREADS))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("tokenizer.json");
    assertThatThrownBy(() -> Dataset.open(text + "@" + tokenizer(), resnet(), TWO_THREADS))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("is none of input_ids");
  }
}
