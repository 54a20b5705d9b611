package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The counts of right answers come from ONNX Runtime 1.30.0 in Python. */
class ImageClassifierTest {
  @TempDir private Path folder;

  @Test
  void theFirstThousandImagesAreClassifiedAsInPython() throws IOException, OrtException {
    FashionMnist images = FashionMnist.firstThousand();
    assertThat(images.size()).isEqualTo(1000);
    try (ImageClassifier classifier = ImageClassifier.open(FashionMnist.classifier(folder), 2)) {
      int[] answers = classifier.classify(images);
      assertThat(Arrays.copyOf(answers, 12)).containsExactly(9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4, 5);
      assertThat(classifier.accuracy(images)).isEqualTo(0.945);
    }
  }

  @Test
  @Tag("long")
  void allTenThousandImagesAreClassifiedAsInPython() throws IOException, OrtException {
    FashionMnist images = FashionMnist.read(SharedData.folder("fashion"));
    assertThat(images.size()).isEqualTo(10_000);
    try (ImageClassifier classifier = ImageClassifier.open(FashionMnist.classifier(folder), 2)) {
      assertThat(classifier.accuracy(images)).isEqualTo(0.9346);
    }
  }

  @Test
  void theFirstThousandAreThoseOfTheOriginal() throws IOException {
    FashionMnist original = FashionMnist.read(SharedData.folder("fashion"));
    FashionMnist carried = FashionMnist.firstThousand();
    assertThat(carried.pixels())
        .isEqualTo(Arrays.copyOf(original.pixels(), carried.pixels().length));
    assertThat(carried.labels()).isEqualTo(Arrays.copyOf(original.labels(), 1000));
  }

  @Test
  void closingTwiceIsFineAndUseAfterwardsIsRefused() throws IOException, OrtException {
    ImageClassifier closed = ImageClassifier.open(FashionMnist.classifier(folder), 1);
    closed.close();
    closed.close();
    FashionMnist images = FashionMnist.firstThousand();
    assertThatThrownBy(() -> closed.classify(images)).isInstanceOf(IllegalStateException.class);
  }
}
