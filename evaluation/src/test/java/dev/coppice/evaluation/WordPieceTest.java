package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The oracle is Hugging Face's tokenizers. */
class WordPieceTest {
  private static WordPiece tokenizer;
  private static HuggingFaceTokenizer oracle;

  @BeforeAll
  static void open() throws IOException {
    System.setProperty("ai.djl.offline", "true");
    System.setProperty("DJL_CACHE_DIR", "target/djl");
    tokenizer = MiniLm.tokenizer();
    try (InputStream in = Resources.open("/all-minilm-l6-v2-tokenizer.json")) {
      oracle =
          HuggingFaceTokenizer.newInstance(
              in, Map.of("padding", "false", "truncation", "true", "maxLength", "128"));
    }
  }

  @AfterAll
  static void close() {
    oracle.close();
  }

  private static void agree(String text) {
    int[] expected =
        Arrays.stream(oracle.encode(text).getIds()).mapToInt(Math::toIntExact).toArray();
    assertThat(tokenizer.encode(text, 128)).as(text).isEqualTo(expected);
  }

  @Test
  void sentencesOfTheProjectGiveTheOraclesPieces() throws IOException {
    TopicSentence.all().forEach(sentence -> agree(sentence.text()));
  }

  @Test
  void sentencesOfTheStsBenchmarkGiveTheOraclesPieces() throws IOException {
    for (StsPair pair : StsPair.read(SharedData.folder("stsb").resolve("test.csv"))) {
      agree(pair.first());
      agree(pair.second());
    }
  }

  @Test
  void oddTextsGiveTheOraclesPieces() {
    List.of(
            "",
            " \t\r\n\u00a0\u3000 ",
            "Crème brûlée à la façon de Zoë; Ångström, Øre, Łódź",
            "İstanbul ΣΑΣ ẞ ﬁne ½ ² Ⅷ",
            "don't—stop… “quotes” ‘n’ $5.00 a+b=c <x> ^~`|",
            "東京タワー and 서울, नमस्ते दुनिया, שלום, مرحبا",
            "zero\u0000width\u200bjoin\u200der soft\u00adhyphen \ufeffbom \ufffd",
            "emoji 😀 👩‍👩‍👧 🇩🇪 and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
            "x".repeat(100) + " " + "x".repeat(101),
            "word ".repeat(200),
            "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis")
        .forEach(WordPieceTest::agree);
  }

  @Test
  void randomTextsOfSeveralScriptsGiveTheOraclesPieces() {
    // Blocks whose characters are the same in every version of Unicode that is in use.
    int[][] blocks = {
      {0x20, 0x7F}, {0xA0, 0x180}, {0x391, 0x3C9}, {0x410, 0x450}, {0x4E00, 0x4F00}
    };
    Random random = new Random(1);
    for (int i = 0; i < 500; i++) {
      agree(
          IntStream.range(0, 1 + random.nextInt(40))
              .map(
                  j -> {
                    int[] block = blocks[random.nextInt(blocks.length)];
                    return block[0] + random.nextInt(block[1] - block[0]);
                  })
              .mapToObj(Character::toString)
              .collect(Collectors.joining()));
    }
  }

  @Test
  void aTokenizerOfAnotherKindIsRefused() {
    assertThatThrownBy(() -> read("{\"model\": {\"type\": \"BPE\", \"vocab\": {}}}"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not BPE");
    assertThatThrownBy(() -> read("{}"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not none");
    assertThatThrownBy(() -> read("{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"a\": 1}}}"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("lacks [UNK]");
  }

  private static WordPiece read(String json) throws IOException {
    return WordPiece.read(new ByteArrayInputStream(json.getBytes(StandardCharsets.UTF_8)));
  }
}
