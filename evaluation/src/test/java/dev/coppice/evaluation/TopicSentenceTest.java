package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class TopicSentenceTest {
  @Test
  void thereAreTwelveTopicsOfTwentyDifferentSentences() throws IOException {
    List<TopicSentence> all = TopicSentence.all();
    Map<String, Long> topics =
        all.stream().collect(Collectors.groupingBy(TopicSentence::topic, Collectors.counting()));
    assertThat(topics).hasSize(12).allSatisfy((topic, count) -> assertThat(count).isEqualTo(20));
    assertThat(all.stream().map(TopicSentence::text)).doesNotHaveDuplicates();
  }
}
