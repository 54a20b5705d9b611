package dev.coppice.evaluation.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.InvalidPlanException;
import dev.coppice.graph.Calibration.Activation;
import java.nio.FloatBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AnswersTest {
  private static Activation output(List<Long> shape, float... values) {
    return new Activation(shape, FloatBuffer.wrap(values));
  }

  private static Answers answers(int samples, Activation... outputs) {
    Map<String, Activation> named = new LinkedHashMap<>();
    for (Activation output : outputs) {
      named.put("output " + named.size(), output);
    }
    return new Answers(samples, Map.of(), named);
  }

  @Test
  void theClassIsThatOfTheHighestScoreTheFirstOfEqualsAndNoneBesideNaN() {
    Activation features = output(List.of(3L, 1L, 2L), 9, 9, 9, 9, 9, 9);
    Activation scores = output(List.of(3L, 2L, 1L, 1L), -2, -1, 3, 3, 9, Float.NaN);
    assertThat(answers(3, features, scores).classes(1)).containsExactly(1, 0, -1);
  }

  @Test
  void aLabelThatIsNoClassOfTheModelIsRefused() {
    Answers answers = answers(1, output(List.of(1L, 2L), 1, 2));
    assertThatThrownBy(() -> answers.classes(2))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("a label is 2, and the model has 2 classes");
  }

  @Test
  void aModelWithoutScoresIsRefused() {
    Answers answers = answers(2, output(List.of(2L, 1L), 1, 2), output(List.of(1L, 2L), 1, 2));
    assertThatThrownBy(() -> answers.classes(0)).isInstanceOf(InvalidPlanException.class);
  }

  @Test
  void aVectorIsTheMeanOverTheTokensOfTheMask() {
    InputValues mask = InputValues.zeros(NumberType.I32, 2, List.of(2L));
    mask.data().putInt(0, 1).putInt(8, 1).putInt(12, 1);
    Activation states = output(List.of(2L, 2L, 2L), 1, 2, 50, 60, 3, 4, 5, 8);
    Answers answers = new Answers(2, Map.of("attention_mask", mask), Map.of("y", states));
    assertThat(answers.vectors()).isDeepEqualTo(new float[][] {{1, 2}, {4, 6}});
  }

  @Test
  void withoutAMaskAVectorHasAllNumbersOfTheFirstOutput() {
    Activation map = output(List.of(2L, 1L, 2L), 1, 2, 3, 4);
    assertThat(answers(2, map, output(List.of(2L), 7, 7)).vectors())
        .isDeepEqualTo(new float[][] {{1, 2}, {3, 4}});
  }

  @Test
  void anOutputWithoutTheSamplesIsRefused() {
    Answers other = answers(2, output(List.of(1L, 2L), 1, 2));
    assertThatThrownBy(other::vectors)
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("along its first axis");
    assertThatThrownBy(answers(2)::vectors).isInstanceOf(InvalidPlanException.class);
  }
}
