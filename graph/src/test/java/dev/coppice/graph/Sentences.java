package dev.coppice.graph;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** Pairs of sentences with how alike they are, as the inputs of a BERT model. */
final class Sentences {
  private static final Path FOLDER = Path.of("../../shared/data/stsb");
  private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+|[^\\s\\p{L}\\p{N}]");
  private static final Pattern FIELD =
      Pattern.compile("\"((?:[^\"]|\"\")*)\"(?:,|$)|([^,]*)(?:,|$)");
  private static final int BATCH = 32;

  private final List<int[]> pieces = new ArrayList<>();
  private final List<Double> scores = new ArrayList<>();

  private Sentences() {}

  /** Reads a part of STS-B; skips the test where it is not there. */
  static Sentences read(String file) throws IOException {
    assumeTrue(Files.exists(FOLDER), FOLDER + " is not there");
    Map<String, Integer> vocabulary = vocabulary();
    Sentences sentences = new Sentences();
    for (String line : Files.readAllLines(FOLDER.resolve(file))) {
      Matcher field = FIELD.matcher(line);
      for (int i = 0; i < 3 && field.find(); i++) {
        String text =
            field.group(1) == null ? field.group(2) : field.group(1).replace("\"\"", "\"");
        if (i < 2) {
          sentences.pieces.add(encode(text, vocabulary));
        } else {
          sentences.scores.add(Double.parseDouble(text));
        }
      }
    }
    return sentences;
  }

  private static Map<String, Integer> vocabulary() throws IOException {
    Map<String, Integer> vocabulary = new HashMap<>();
    try (InputStream in = Sentences.class.getResourceAsStream("/all-minilm-l6-v2-tokenizer.json");
        JsonParser json = new JsonFactory().createParser(in)) {
      while (!"vocab".equals(json.currentName())) {
        json.nextToken();
      }
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        vocabulary.put(json.currentName(), json.nextIntValue(0));
      }
    }
    return vocabulary;
  }

  private static int[] encode(String text, Map<String, Integer> vocabulary) {
    List<Integer> ids = new ArrayList<>(List.of(vocabulary.get("[CLS]")));
    Matcher word = WORD.matcher(text.toLowerCase(Locale.ROOT));
    while (word.find()) {
      ids.addAll(split(word.group(), vocabulary));
    }
    ids.add(vocabulary.get("[SEP]"));
    return ids.stream().mapToInt(Integer::intValue).toArray();
  }

  private static List<Integer> split(String word, Map<String, Integer> vocabulary) {
    List<Integer> ids = new ArrayList<>();
    for (int from = 0, to; from < word.length(); from = to) {
      String prefix = from == 0 ? "" : "##";
      to = word.length();
      while (to > from && !vocabulary.containsKey(prefix + word.substring(from, to))) {
        to--;
      }
      if (to == from) {
        return List.of(vocabulary.get("[UNK]"));
      }
      ids.add(vocabulary.get(prefix + word.substring(from, to)));
    }
    return ids;
  }

  /** Gives {@code count} sentences, of all parts of the file, in batches of like length. */
  Feeds feeds(int count) {
    List<Map<String, Feeds.Feed>> batches = new ArrayList<>();
    int[] order = order(count);
    for (int from = 0; from < order.length; from += BATCH) {
      batches.add(batch(Arrays.copyOfRange(order, from, Math.min(order.length, from + BATCH))));
    }
    return new Feeds(batches);
  }

  private int[] order(int count) {
    return IntStream.range(0, count)
        .map(i -> (int) ((long) i * pieces.size() / count))
        .boxed()
        .sorted(Comparator.comparingInt(i -> pieces.get(i).length))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private Map<String, Feeds.Feed> batch(int[] members) {
    int width = pieces.get(members[members.length - 1]).length;
    long[] shape = {members.length, width};
    LongBuffer ids = LongBuffer.allocate(members.length * width);
    LongBuffer mask = LongBuffer.allocate(members.length * width);
    for (int row = 0; row < members.length; row++) {
      int[] sentence = pieces.get(members[row]);
      for (int i = 0; i < sentence.length; i++) {
        ids.put(row * width + i, sentence[i]);
        mask.put(row * width + i, 1);
      }
    }
    return Map.of(
        "input_ids", new Feeds.Feed(ids, shape),
        "attention_mask", new Feeds.Feed(mask, shape),
        "token_type_ids", new Feeds.Feed(LongBuffer.allocate(members.length * width), shape));
  }

  /** Gives Spearman's rank correlation of the cosines of a model's sentences and the scores. */
  double spearman(byte[] model) throws IOException {
    Feeds feeds = feeds(pieces.size());
    int[] order = order(pieces.size());
    double[][] vectors = new double[pieces.size()][];
    try (Calibration.Session session = feeds.open(model)) {
      for (int batch = 0; batch < feeds.batches(); batch++) {
        Calibration.Activation states = session.run(batch).values().iterator().next();
        int width = states.shape().get(1).intValue();
        int size = states.shape().get(2).intValue();
        for (int row = 0; row < states.shape().get(0); row++) {
          int sentence = order[batch * BATCH + row];
          vectors[sentence] = unit(states.values(), row * width, pieces.get(sentence).length, size);
        }
      }
    }
    double[] cosines =
        IntStream.range(0, scores.size())
            .mapToDouble(i -> dot(vectors[2 * i], vectors[2 * i + 1]))
            .toArray();
    double[] a = ranks(cosines);
    double[] b = ranks(scores.stream().mapToDouble(Double::doubleValue).toArray());
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  }

  private static double[] unit(FloatBuffer states, int first, int count, int size) {
    double[] sum = new double[size];
    for (int i = first * size; i < (first + count) * size; i++) {
      sum[i % size] += states.get(i);
    }
    double length = Math.sqrt(dot(sum, sum));
    return Arrays.stream(sum).map(value -> value / length).toArray();
  }

  /** Gives ranks, less their mean; equals share theirs. */
  private static double[] ranks(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    Map<Double, Double> ranks = new HashMap<>();
    for (int from = 0, to; from < sorted.length; from = to) {
      to = from + 1;
      while (to < sorted.length && sorted[to] == sorted[from]) {
        to++;
      }
      ranks.put(sorted[from], (from + to - sorted.length) / 2.0);
    }
    return Arrays.stream(values).map(value -> ranks.getOrDefault(value, 0.0)).toArray();
  }

  private static double dot(double[] a, double[] b) {
    return IntStream.range(0, a.length).mapToDouble(i -> a[i] * b[i]).sum();
  }
}
