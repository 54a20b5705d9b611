package dev.coppice.evaluation;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Map;

/** The sentence model all-MiniLM-L6-v2 (Apache-2.0), as its Maven artifact carries it. */
final class MiniLm {
  private static final String TOKENIZER = "/all-minilm-l6-v2-tokenizer.json";

  private MiniLm() {}

  /** Copies the model, 90 MB, into the folder unless it is there, and gives its path. */
  static Path model(Path folder) throws IOException {
    return Resources.copy("/all-minilm-l6-v2.onnx", folder.resolve("all-minilm-l6-v2.onnx"));
  }

  /** Reads its tokenizer. */
  static WordPiece tokenizer() throws IOException {
    try (InputStream in = Resources.open(TOKENIZER)) {
      return WordPiece.read(in);
    }
  }

  /** Copies its tokenizer into the folder unless it is there, where texts beside it find it. */
  static void copyTokenizer(Path folder) throws IOException {
    Resources.copy(TOKENIZER, folder.resolve("tokenizer.json"));
  }

  /** Gives the shapes of its inputs for a batch of texts that have so many tokens each. */
  static Map<String, long[]> sizes(int batch, int tokens) {
    long[] shape = {batch, tokens};
    return Map.of("input_ids", shape, "attention_mask", shape, "token_type_ids", shape);
  }
}
