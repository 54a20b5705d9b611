package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Classifies images; the quality is the share that is right. */
final class ImageExam implements Exam<Double> {
  private final FashionMnist images;
  private final int threads;

  ImageExam(FashionMnist images, int threads) {
    this.images = images;
    this.threads = threads;
  }

  @Override
  public List<String> headings() {
    return List.of("accuracy");
  }

  @Override
  public Double examine(Path model) throws IOException, OrtException {
    try (ImageClassifier classifier = ImageClassifier.open(model, threads)) {
      return classifier.accuracy(images);
    }
  }

  @Override
  public List<String> cells(Double quality) {
    return List.of(String.format(Locale.ROOT, "%.4f", quality));
  }
}
