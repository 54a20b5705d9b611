package dev.coppice.evaluation;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.InputStream;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The tokenizer of uncased BERT models: words and punctuation, in the longest pieces that the
 * vocabulary has. Immutable.
 *
 * <p>It gives what Hugging Face's {@code tokenizers} gives for the same {@code tokenizer.json},
 * with {@code BertNormalizer} (lower case, no accents) and {@code BertPreTokenizer}; but markers
 * such as {@code [MASK]} in a text are text.
 */
public final class WordPiece {
  private static final int LONGEST_WORD = 100;

  private final Map<String, Integer> vocabulary;
  private final int unknown;
  private final int begin;
  private final int end;

  private WordPiece(Map<String, Integer> vocabulary) throws IOException {
    this.vocabulary = vocabulary;
    this.unknown = marker("[UNK]");
    this.begin = marker("[CLS]");
    this.end = marker("[SEP]");
  }

  private int marker(String piece) throws IOException {
    Integer id = vocabulary.get(piece);
    if (id == null) {
      throw new IOException("the tokenizer's vocabulary lacks " + piece);
    }
    return id;
  }

  /**
   * Reads the vocabulary of a {@code tokenizer.json} whose model is a WordPiece.
   *
   * @throws IOException if it is another's, or one that tells upper from lower case
   */
  public static WordPiece read(InputStream tokenizerJson) throws IOException {
    Map<String, Integer> vocabulary = new HashMap<>();
    String type = "none";
    try (JsonParser json = new JsonFactory().createParser(tokenizerJson)) {
      json.nextToken();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String part = json.currentName();
        json.nextToken();
        if (part.equals("model")) {
          type = readModel(json, vocabulary);
        } else if (part.equals("normalizer") && json.currentToken() == JsonToken.START_OBJECT) {
          readNormalizer(json);
        } else {
          json.skipChildren();
        }
      }
    }
    if (!type.equals("WordPiece")) {
      throw new IOException("the tokenizer's model must be WordPiece, not " + type);
    }
    return new WordPiece(vocabulary);
  }

  private static void readNormalizer(JsonParser json) throws IOException {
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      boolean lowercase = json.currentName().equals("lowercase");
      if (json.nextToken() == JsonToken.VALUE_FALSE && lowercase) {
        throw new IOException("the tokenizer tells upper from lower case, which is not supported");
      }
      json.skipChildren();
    }
  }

  private static String readModel(JsonParser json, Map<String, Integer> vocabulary)
      throws IOException {
    String type = "none";
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      if (field.equals("type")) {
        type = json.getText();
      } else if (field.equals("vocab")) {
        while (json.nextToken() == JsonToken.FIELD_NAME) {
          String piece = json.currentName();
          vocabulary.put(piece, json.nextIntValue(0));
        }
      } else {
        json.skipChildren();
      }
    }
    return type;
  }

  /** Gives the ids of the text's pieces between the model's two markers, {@code most} at most. */
  public int[] encode(String text, int most) {
    List<Integer> ids = new ArrayList<>();
    ids.add(begin);
    for (String word : words(text)) {
      addPieces(word, ids);
    }
    List<Integer> kept = ids.subList(0, Math.min(ids.size(), most - 1));
    kept.add(end);
    return kept.stream().mapToInt(Integer::intValue).toArray();
  }

  private void addPieces(String word, List<Integer> ids) {
    if (word.codePointCount(0, word.length()) > LONGEST_WORD) {
      ids.add(unknown);
      return;
    }
    List<Integer> pieces = new ArrayList<>();
    int from = 0;
    while (from < word.length()) {
      int to = word.length();
      Integer id = null;
      for (; to > from; to = word.offsetByCodePoints(to, -1)) {
        id = vocabulary.get((from == 0 ? "" : "##") + word.substring(from, to));
        if (id != null) {
          break;
        }
      }
      if (id == null) {
        ids.add(unknown);
        return;
      }
      pieces.add(id);
      from = to;
    }
    ids.addAll(pieces);
  }

  private static List<String> words(String text) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    Normalizer.normalize(spaced(text), Normalizer.Form.NFD)
        .codePoints()
        .filter(c -> Character.getType(c) != Character.NON_SPACING_MARK)
        .map(Character::toLowerCase)
        .forEach(
            c -> {
              boolean alone = isPunctuation(c);
              if (alone || isSpace(c)) {
                flush(word, words);
              }
              if (alone) {
                words.add(Character.toString(c));
              } else if (!isSpace(c)) {
                word.appendCodePoint(c);
              }
            });
    flush(word, words);
    return words;
  }

  private static void flush(StringBuilder word, List<String> words) {
    if (!word.isEmpty()) {
      words.add(word.toString());
      word.setLength(0);
    }
  }

  /** Drops control characters, and sets Chinese characters apart. */
  private static String spaced(String text) {
    StringBuilder clean = new StringBuilder(text.length());
    text.codePoints()
        .filter(c -> isSpace(c) || !isControl(c))
        .forEach(
            c -> {
              if (isChinese(c)) {
                clean.append(' ').appendCodePoint(c).append(' ');
              } else {
                clean.appendCodePoint(isSpace(c) ? ' ' : c);
              }
            });
    return clean.toString();
  }

  private static boolean isSpace(int c) {
    return c == '\t' || c == '\n' || c == '\r' || Character.isSpaceChar(c);
  }

  private static boolean isControl(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL, Character.FORMAT, Character.PRIVATE_USE, Character.SURROGATE -> true;
      default -> c == 0xFFFD;
    };
  }

  private static boolean isPunctuation(int c) {
    return switch (Character.getType(c)) {
      case Character.CONNECTOR_PUNCTUATION,
          Character.DASH_PUNCTUATION,
          Character.START_PUNCTUATION,
          Character.END_PUNCTUATION,
          Character.INITIAL_QUOTE_PUNCTUATION,
          Character.FINAL_QUOTE_PUNCTUATION,
          Character.OTHER_PUNCTUATION ->
          true;
      default -> "$+<=>^`|~".indexOf(c) >= 0;
    };
  }

  private static boolean isChinese(int c) {
    return (c >= 0x4E00 && c <= 0x9FFF)
        || (c >= 0x3400 && c <= 0x4DBF)
        || (c >= 0x20000 && c <= 0x2A6DF)
        || (c >= 0x2A700 && c <= 0x2B73F)
        || (c >= 0x2B740 && c <= 0x2B81F)
        || (c >= 0x2B920 && c <= 0x2CEAF)
        || (c >= 0xF900 && c <= 0xFAFF)
        || (c >= 0x2F800 && c <= 0x2FA1F);
  }
}
