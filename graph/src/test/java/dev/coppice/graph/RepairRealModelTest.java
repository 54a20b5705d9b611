package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What repair brings on models that are used, by data that it has not seen. */
class RepairRealModelTest {
  private static final long[] TOKENS = {8, 128};
  private static final int IMAGES = 10_000;
  private static final int CALIBRATION = 500;
  private static final int SENTENCES = 1000;

  @TempDir static Path folder;

  private static Shrinkage shrink(RealModel model, double macs) throws IOException {
    Map<String, long[]> sizes =
        model == RealModel.MINILM
            ? Map.of("input_ids", TOKENS, "attention_mask", TOKENS, "token_type_ids", TOKENS)
            : model.sizes();
    return Shrinker.open(model.file(folder), sizes).shrink(ShrinkRequest.of(Metric.MACS, macs));
  }

  private static void halfIsRecovered(double dense, double before, double after) {
    assertThat(dense).isGreaterThan(before);
    assertThat(after - before).isGreaterThan((dense - before) / 2);
  }

  private static void isWhole(Shrinkage small, Repair repair) throws Exception {
    assertThat(repair.skipped()).isEmpty();
    assertThat(repair.layers()).allMatch(layer -> layer.after() <= layer.before());
    assertThat(OnnxRuntime.optimized(repair.model()))
        .isEqualTo(OnnxRuntime.optimized(small.model()));
  }

  @Test
  void fewImagesRecoverMostOfWhatAClassifierLost() throws Exception {
    Fashion fashion = Fashion.read();
    Shrinkage small = shrink(RealModel.RESNET, 0.5);
    Repair repair = small.repair(fashion.images(0, 100));
    isWhole(small, repair);
    double dense = accuracy(fashion, Files.readAllBytes(RealModel.RESNET.file(folder)), 2000);
    halfIsRecovered(
        dense, accuracy(fashion, small.model(), 2000), accuracy(fashion, repair.model(), 2000));
  }

  @Tag("long")
  @ParameterizedTest
  @CsvSource({"RESNET", "MOBILE"})
  void halfOfWhatAClassifierLostIsRecovered(RealModel model) throws Exception {
    Fashion fashion = Fashion.read();
    Shrinkage small = shrink(model, 0.5);
    Repair repair = small.repair(fashion.images(0, CALIBRATION));
    isWhole(small, repair);
    halfIsRecovered(
        accuracy(fashion, Files.readAllBytes(model.file(folder)), IMAGES),
        accuracy(fashion, small.model(), IMAGES),
        accuracy(fashion, repair.model(), IMAGES));
  }

  /** Gives the accuracy on images that no calibration sees. */
  private static double accuracy(Fashion fashion, byte[] model, int to) throws IOException {
    return fashion.accuracy(model, CALIBRATION, to);
  }

  @Tag("long")
  @ParameterizedTest
  @CsvSource({"0.5, 0.05", "0.7, 0.03"})
  void halfOfWhatATransformerLostIsRecovered(double macs, double drop) throws Exception {
    Sentences test = Sentences.read("test.csv");
    Shrinkage small = shrink(RealModel.MINILM, macs);
    Repair repair = small.repair(Sentences.read("dev.csv").feeds(SENTENCES));
    isWhole(small, repair);
    double dense = test.spearman(Files.readAllBytes(RealModel.MINILM.file(folder)));
    double after = test.spearman(repair.model());
    halfIsRecovered(dense, test.spearman(small.model()), after);
    assertThat(after).isGreaterThan(dense - drop);
  }
}
