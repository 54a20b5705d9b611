package dev.coppice.evaluation;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/** The sentence model all-MiniLM-L6-v2 (Apache-2.0), as its Maven artifact carries it. */
final class MiniLm {
  private MiniLm() {}

  /** Copies the model, 90 MB, into the folder unless it is there, and gives its path. */
  static Path model(Path folder) throws IOException {
    return Resources.copy("/all-minilm-l6-v2.onnx", folder.resolve("all-minilm-l6-v2.onnx"));
  }

  /** Reads its tokenizer. */
  static WordPiece tokenizer() throws IOException {
    try (InputStream in = Resources.open("/all-minilm-l6-v2-tokenizer.json")) {
      return WordPiece.read(in);
    }
  }
}
