package dev.coppice.evaluation.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.InvalidPlanException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextSamplesTest {
  private static final String TOKENIZER =
      "{\"normalizer\": {\"lowercase\": %s}, \"model\": {\"type\": \"WordPiece\", \"vocab\":"
          + " {\"[PAD]\": 0, \"[UNK]\": 1, \"[CLS]\": 2, \"[SEP]\": 3, \"a\": 4, \"b\": 5,"
          + " \"c\": 6}}}";
  private static final DataOptions ALL = DataOptions.withThreads(1);
  private static final ModelInput IDS = input("input_ids", NumberType.I64, -1);
  private static final ModelInput MASK = input("attention_mask", NumberType.I32, -1);
  private static final ModelInput TYPES = input("token_type_ids", NumberType.I64, -1);

  @TempDir private Path folder;

  private static ModelInput input(String name, NumberType type, long width) {
    return new ModelInput(name, type, List.of(-1L, width));
  }

  @BeforeEach
  void writeTokenizer() throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), TOKENIZER.formatted("true"));
  }

  private Path write(String name, String text) throws IOException {
    return Files.writeString(folder.resolve(name), text);
  }

  private TextSamples open(Path file, DataOptions options, ModelInput... inputs)
      throws IOException {
    return TextSamples.open(file, folder.resolve("tokenizer.json"), List.of(inputs), options);
  }

  private static List<Long> whole(Map<String, InputValues> values, String name) {
    InputValues input = Objects.requireNonNull(values.get(name));
    ByteBuffer data = input.data();
    List<Long> whole = new ArrayList<>();
    for (int i = 0; i < data.capacity(); i += input.type().bytes()) {
      whole.add(input.type() == NumberType.I64 ? data.getLong(i) : data.getInt(i));
    }
    return whole;
  }

  private static void refused(Code code, String message, Path file) {
    assertThatThrownBy(() -> TextFile.read(file))
        .isInstanceOf(CheckpointFormatException.class)
        .hasMessageContaining(code.name())
        .hasMessageContaining(message);
  }

  @Test
  void textsAreFilledUpToTheLongestOfTheirBatchAndMasked() throws IOException {
    TextSamples samples = open(write("x.txt", "a b c\n\nC\r\n"), ALL, IDS, MASK, TYPES);
    assertThat(samples.size()).isEqualTo(2);
    assertThat(samples.order()).containsExactly(1, 0);
    Map<String, InputValues> both = samples.read(new int[] {1, 0});
    assertThat(whole(both, "input_ids")).containsExactly(2L, 6L, 3L, 0L, 0L, 2L, 4L, 5L, 6L, 3L);
    assertThat(whole(both, "attention_mask"))
        .containsExactly(1L, 1L, 1L, 0L, 0L, 1L, 1L, 1L, 1L, 1L);
    assertThat(whole(both, "token_type_ids")).hasSize(10).containsOnly(0L);
    assertThat(whole(samples.read(new int[] {1}), "input_ids")).containsExactly(2L, 6L, 3L);
    assertThat(samples.truth()).isEqualTo(new Truth.None());
  }

  @Test
  void textsAreCutAtTheLimitAndAtTheModelsOwnLength() throws IOException {
    Path file = write("x.txt", "a b c a b c");
    assertThat(whole(open(file, ALL.withTokens(4), IDS).read(new int[] {0}), "input_ids"))
        .containsExactly(2L, 4L, 5L, 3L);
    ModelInput five = input("input_ids", NumberType.I32, 5);
    assertThat(whole(open(file, ALL, five).read(new int[] {0}), "input_ids"))
        .containsExactly(2L, 4L, 5L, 6L, 3L);
    assertThat(whole(open(file, ALL.withTokens(3), five).read(new int[] {0}), "input_ids"))
        .containsExactly(2L, 4L, 3L, 0L, 0L);
  }

  @Test
  void pairsInQuotesAndWithoutAreTwoSamplesEach() throws IOException {
    Path file = write("x.csv", "\uFEFFa,\"b, \"\"b\"\"\nc\",1.5\n\"\",a \"b\" c,0\r\n");
    assertThat(TextFile.read(file))
        .containsExactly(List.of("a", "b, \"b\"\nc", "1.5"), List.of("", "a \"b\" c", "0"));
    TextSamples samples = open(file, ALL, IDS);
    assertThat(samples.size()).isEqualTo(4);
    assertThat(samples.truth()).isEqualTo(new Truth.Scores(List.of(1.5, 0.0)));
    assertThat(open(file, ALL.withSamples(1), IDS).size()).isEqualTo(2);
  }

  @Test
  void pairsWithTabsHaveNoQuotes() throws IOException {
    assertThat(TextFile.read(write("x.tsv", "\"a\tb,\t-1e2")))
        .containsExactly(List.of("\"a", "b,", "-1e2"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "a,b | line 1 has 2 fields",
        "a,b,1,c,d | line 1 has more than 3 fields",
        "a,b,1\\n\\nsentence1,sentence2,score | line 3 has \"score\" for a score",
        "a,b,NaN | line 1 has \"NaN\" for a score",
        "a,b,1\\n\"a,b,1 | line 2 has a quote that does not end",
        "a,b,1\\n\"a\\nb\",b,1\\na | line 4 has 1 fields",
        "\\n | has no text",
      })
  void linesThatAreNoPairsAreRefused(String text, String message) throws IOException {
    refused(Code.UNSUPPORTED, message, write("x.csv", text.replace("\\n", "\n")));
  }

  @Test
  void textThatIsNotUtf8OrTooLongIsRefused() throws IOException {
    Path file = write("x.txt", "\u00e9".repeat(70_000));
    refused(Code.UNSUPPORTED, "more than 65536 characters", file);
    Files.write(file, "\u00e9".getBytes(StandardCharsets.ISO_8859_1));
    refused(Code.UNSUPPORTED, "is not UTF-8", file);
  }

  @Test
  void aModelThatTakesNoTokensIsRefused() throws IOException {
    Path file = write("x.txt", "a");
    for (ModelInput[] inputs :
        new ModelInput[][] {
          {MASK},
          {IDS, input("position_ids", NumberType.I64, -1)},
          {input("input_ids", NumberType.F32, -1)},
          {IDS, input("attention_mask", NumberType.I64, 7)}
        }) {
      assertThatThrownBy(() -> open(file, ALL, inputs)).isInstanceOf(InvalidPlanException.class);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '\0',
      value = {
        "{ | tokenizer.json",
        "{\"model\": {\"type\": \"BPE\"}} | not BPE",
        "{\"normalizer\": {\"a\": [1], \"lowercase\": false}} | upper from lower case",
      })
  void anotherTokenizerIsRefused(String json, String message) throws IOException {
    write("tokenizer.json", json);
    Path file = write("x.txt", "a");
    assertThatThrownBy(() -> open(file, ALL, IDS))
        .isInstanceOf(CheckpointFormatException.class)
        .hasMessageContaining(message);
  }
}
