package dev.coppice.evaluation.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.evaluation.WordPiece;
import dev.coppice.formats.files.InputFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Texts as the tokens of a BERT-like model. Those of similar length share a batch, filled up with
 * zeros to the longest, or to the one length that the model takes.
 */
final class TextSamples implements Samples {
  private static final String IDS = "input_ids";
  private static final String MASK = "attention_mask";
  private static final String TYPES = "token_type_ids";
  private static final long MOST_TOKENIZER_BYTES = 64 << 20;

  private final List<int[]> texts = new ArrayList<>();
  private final List<Double> scores = new ArrayList<>();
  private final List<ModelInput> inputs;
  private final long width;

  private TextSamples(Path file, WordPiece tokenizer, List<ModelInput> inputs, DataOptions options)
      throws IOException {
    this.inputs = inputs;
    for (ModelInput input : inputs) {
      check(input);
    }
    if (inputs.stream().noneMatch(input -> input.name().equals(IDS))) {
      throw inputs.get(0).refused("is not \"" + IDS + "\", which a model of texts takes");
    }
    this.width = inputs.get(0).shape().get(1);
    int most = width < 0 ? options.tokens() : (int) Math.min(width, options.tokens());
    List<List<String>> records = TextFile.read(file);
    for (int pick : options.pick(records.size())) {
      List<String> record = records.get(pick);
      texts.add(tokenizer.encode(record.get(0), most));
      if (TextFile.isPair(record)) {
        texts.add(tokenizer.encode(record.get(1), most));
        scores.add(Double.parseDouble(record.get(2)));
      }
    }
  }

  static TextSamples open(Path file, Path tokenizer, List<ModelInput> inputs, DataOptions options)
      throws IOException {
    return new TextSamples(file, tokenizer(tokenizer), inputs, options);
  }

  private static WordPiece tokenizer(Path path) throws IOException {
    try (InputFile file = InputFile.open(path)) {
      if (file.size() > MOST_TOKENIZER_BYTES) {
        throw CheckpointFormatException.of(
            Code.LIMIT, path, "has " + file.size() + " bytes, too many for a tokenizer");
      }
      InputStream raw = new BufferedInputStream(new RangeStream(file, 0, file.size()), 1 << 16);
      WordPiece tokenizer = WordPiece.read(raw);
      file.verify();
      return tokenizer;
    } catch (JsonProcessingException e) {
      throw CheckpointFormatException.of(Code.UNSUPPORTED, path, e.getOriginalMessage());
    } catch (IOException e) {
      throw CheckpointFormatException.of(Code.UNSUPPORTED, path, String.valueOf(e.getMessage()));
    }
  }

  private void check(ModelInput input) {
    if (!List.of(IDS, MASK, TYPES).contains(input.name())) {
      throw input.refused("is none of " + IDS + ", " + MASK + ", " + TYPES);
    }
    boolean fits = input.type() == NumberType.I64 || input.type() == NumberType.I32;
    if (!fits || input.shape().size() != 2 || input.shape().get(1) == 0) {
      throw input.refused("is no list of tokens: " + input.type() + " " + input.shape());
    }
    if (!input.shape().get(1).equals(inputs.get(0).shape().get(1))) {
      throw input.refused("has another length than \"" + inputs.get(0).name() + "\"");
    }
  }

  @Override
  public int size() {
    return texts.size();
  }

  @Override
  public int[] order() {
    return IntStream.range(0, texts.size())
        .boxed()
        .sorted(Comparator.comparingInt(i -> texts.get(i).length))
        .mapToInt(Integer::intValue)
        .toArray();
  }

  @Override
  public long sampleBytes() {
    long longest = texts.stream().mapToInt(text -> text.length).max().orElseThrow();
    return Math.max(longest, width) * Long.BYTES;
  }

  @Override
  public Map<String, InputValues> read(int[] samples) {
    int longest = IntStream.of(samples).map(i -> texts.get(i).length).max().orElseThrow();
    Map<String, InputValues> values = new LinkedHashMap<>();
    for (ModelInput input : inputs) {
      long length = width < 0 ? longest : width;
      InputValues batch = InputValues.zeros(input.type(), samples.length, List.of(length));
      if (!input.name().equals(TYPES)) {
        for (int row = 0; row < samples.length; row++) {
          put(texts.get(samples[row]), input, batch.data(), row * (int) length);
        }
      }
      values.put(input.name(), batch);
    }
    return values;
  }

  private static void put(int[] text, ModelInput input, ByteBuffer into, int at) {
    boolean mask = input.name().equals(MASK);
    for (int i = 0; i < text.length; i++) {
      int value = mask ? 1 : text[i];
      if (input.type() == NumberType.I64) {
        into.putLong((at + i) * Long.BYTES, value);
      } else {
        into.putInt((at + i) * Integer.BYTES, value);
      }
    }
  }

  @Override
  public Truth truth() {
    return scores.isEmpty() ? new Truth.None() : new Truth.Scores(List.copyOf(scores));
  }

  @Override
  public void close() {
    texts.clear();
  }
}
