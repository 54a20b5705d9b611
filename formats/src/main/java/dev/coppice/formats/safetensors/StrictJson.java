package dev.coppice.formats.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of one JSON object in a file, in order. Memory does not grow with the text, only with
 * the names in it, which the parser keeps: they are limited. Everything that is not JSON to the
 * letter is refused with the offset in the file.
 */
final class StrictJson implements AutoCloseable {
  private static final int LONGEST = 16 << 20;

  /** All names together, in characters: 100 for each of the most tensors that are read. */
  private static final long LONGEST_NAMES = 100L * HeaderReader.MOST_TENSORS;

  private static final int MOST_SKIPPED = 2 * HeaderReader.MOST_TENSORS;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNameLength(1 << 16)
                  .maxStringLength(LONGEST)
                  .maxNumberLength(LONGEST)
                  .build())
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES) // Names are many and come once.
          // Many long names look like an attack on the parser's table; its size is limited here.
          .disable(JsonFactory.Feature.FAIL_ON_SYMBOL_HASH_OVERFLOW)
          .build();

  private final InputFile file;
  private final long start;
  private final JsonParser parser;
  private long nameCharacters;
  private int skippedNames;

  /** Begins at the root, which must be an object. */
  StrictJson(InputFile file, long start, long length) throws IOException {
    this.file = file;
    this.start = start;
    this.parser = parse(file, start, length);
    if (next() != JsonToken.START_OBJECT) {
      throw refused(Code.HEADER_JSON, "the JSON text is not an object");
    }
  }

  private static JsonParser parse(InputFile file, long start, long length) throws IOException {
    return JSON.createParser(new CheckedStream(file, start, length));
  }

  /** Goes to the next token; null at the end. */
  @Nullable JsonToken next() throws IOException {
    try {
      JsonToken token = parser.nextToken();
      if (token == JsonToken.FIELD_NAME || token == JsonToken.VALUE_STRING) {
        checkSurrogates();
      }
      if (token == JsonToken.FIELD_NAME) {
        limitNames();
      }
      return token;
    } catch (StreamConstraintsException e) {
      throw refused(Code.LIMIT, e);
    } catch (JsonProcessingException e) {
      throw refused(Code.HEADER_JSON, e);
    }
  }

  private void limitNames() throws IOException {
    nameCharacters += parser.getTextLength();
    if (nameCharacters > LONGEST_NAMES) {
      throw refused(Code.LIMIT, "names of more than " + LONGEST_NAMES + " characters in all");
    }
  }

  /** Goes to the next name of an object, or to its end. */
  boolean nextName() throws IOException {
    return next() == JsonToken.FIELD_NAME;
  }

  private void checkSurrogates() throws IOException {
    char[] text = parser.getTextCharacters();
    int end = parser.getTextOffset() + parser.getTextLength();
    for (int i = parser.getTextOffset(); i < end; i++) {
      if (Character.isSurrogate(text[i])) {
        if (i + 1 == end || !Character.isSurrogatePair(text[i], text[i + 1])) {
          throw refused(Code.HEADER_JSON, "a string has half a surrogate pair");
        }
        i++;
      }
    }
  }

  boolean is(JsonToken token) {
    return parser.currentToken() == token;
  }

  /** Gives the current name, string or number as text. */
  String text() throws IOException {
    return parser.getText();
  }

  /** Gives the current number if it is written as an integer from 0 to 2^63 - 1; otherwise -1. */
  long natural() throws IOException {
    if (!is(JsonToken.VALUE_NUMBER_INT) || parser.getTextLength() > 19) {
      return -1;
    }
    String digits = parser.getText();
    try {
      return digits.startsWith("-") ? -1 : Long.parseLong(digits);
    } catch (NumberFormatException e) {
      return -1;
    }
  }

  /** Passes over the current value, whose name means nothing here, with all that is in it. */
  void skip() throws IOException {
    int depth = 0;
    skippedNames++;
    do {
      skippedNames += is(JsonToken.FIELD_NAME) ? 1 : 0;
      if (skippedNames > MOST_SKIPPED) {
        throw refused(Code.LIMIT, "more than " + MOST_SKIPPED + " unknown fields");
      }
      if (is(JsonToken.START_OBJECT) || is(JsonToken.START_ARRAY)) {
        depth++;
      } else if (is(JsonToken.END_OBJECT) || is(JsonToken.END_ARRAY)) {
        depth--;
      }
    } while (depth > 0 && next() != null);
  }

  /** Checks that the root object was the last thing. */
  void expectEnd() throws IOException {
    if (next() != null) {
      throw refused(Code.HEADER_JSON, "there is more after the JSON object");
    }
  }

  /** Gives where the current token begins, in the file. */
  long offset() {
    return start + Math.max(0, parser.currentTokenLocation().getByteOffset());
  }

  /** Gives where the current token ends, in the file. */
  long end() throws IOException {
    parser.finishToken();
    return start + parser.currentLocation().getByteOffset();
  }

  private CheckpointFormatException refused(Code code, JsonProcessingException e) {
    JsonLocation place = e.getLocation();
    long at = place == null ? 0 : Math.max(0, place.getByteOffset());
    return CheckpointFormatException.at(code, file.path(), start + at, e.getOriginalMessage());
  }

  CheckpointFormatException refused(Code code, String message) {
    return CheckpointFormatException.at(code, file.path(), offset(), message);
  }

  CheckpointFormatException refused(Code code, String tensor, String message) {
    return CheckpointFormatException.in(code, file.path(), tensor, offset(), message);
  }

  @Override
  public void close() throws IOException {
    parser.close();
  }
}
