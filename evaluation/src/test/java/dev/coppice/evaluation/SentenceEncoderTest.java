package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class SentenceEncoderTest {
  static final Path MODELS = Path.of("target/models");

  private static SentenceEncoder encoder;

  @BeforeAll
  static void open() throws IOException, OrtException {
    encoder = SentenceEncoder.open(MiniLm.model(MODELS), MiniLm.tokenizer(), 2);
  }

  @AfterAll
  static void close() throws OrtException {
    encoder.close();
  }

  @Test
  void aSentenceGivesTheVectorThatPythonGives() throws OrtException {
    float[] vector = encoder.encode(List.of("The fox crossed the road."))[0];
    assertThat(vector).hasSize(384);
    // ONNX Runtime 1.30.0 and numpy.
    assertThat(Arrays.copyOf(vector, 6))
        .containsExactly(
            new float[] {
              0.03287878f, -0.00595556f, -0.02259362f, 0.09568527f, 0.03706172f, 0.01993041f
            },
            within(1e-5f));
  }

  @Test
  void vectorsHaveLengthOneAndComeInTheOrderOfTheSentencesWhateverTheirBatch()
      throws OrtException, IOException {
    List<String> texts = TopicSentence.all().stream().limit(70).map(TopicSentence::text).toList();
    float[][] together = encoder.encode(texts);
    for (int i = 0; i < texts.size(); i += 7) {
      float[] alone = encoder.encode(texts.subList(i, i + 1))[0];
      assertThat(Metrics.cosine(together[i], alone)).isCloseTo(1, within(1e-6));
      double squares = 0;
      for (float f : together[i]) {
        squares += f * f;
      }
      assertThat(squares).isCloseTo(1, within(1e-5));
    }
  }

  @Test
  void noSentencesGiveNoVectors() throws OrtException {
    assertThat(encoder.encode(List.of())).isEmpty();
  }

  @Test
  void topicsAreFoundAmongTheNearestNeighbours() throws IOException, OrtException {
    List<TopicSentence> sentences = TopicSentence.all();
    float[][] vectors = encoder.encode(sentences.stream().map(TopicSentence::text).toList());
    double accuracy =
        Metrics.nearestNeighbourAccuracy(
            vectors, sentences.stream().map(TopicSentence::topic).toList());
    // 167 of 240: the topics overlap, and one in twelve would be chance.
    assertThat(accuracy).isCloseTo(0.696, within(0.01));
  }

  @Test
  void closingTwiceIsFineAndUseAfterwardsIsRefused() throws IOException, OrtException {
    SentenceEncoder closed = SentenceEncoder.open(MiniLm.model(MODELS), MiniLm.tokenizer(), 1);
    closed.close();
    closed.close();
    assertThatThrownBy(() -> closed.encode(List.of("a"))).isInstanceOf(IllegalStateException.class);
  }
}
