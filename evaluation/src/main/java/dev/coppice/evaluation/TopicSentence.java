package dev.coppice.evaluation;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** One of 240 short sentences in twelve topics of twenty, written for this project. */
record TopicSentence(String topic, String text) {
  /** Reads them all. */
  static List<TopicSentence> all() throws IOException {
    try (InputStream in = Resources.open("/dev/coppice/evaluation/sentences.tsv")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8)
          .lines()
          .map(line -> line.split("\t", 2))
          .map(fields -> new TopicSentence(fields[0], fields[1]))
          .toList();
    }
  }
}
