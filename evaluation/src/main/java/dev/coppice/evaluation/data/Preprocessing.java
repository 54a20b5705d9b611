package dev.coppice.evaluation.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What is done with pixels, from {@code preprocess.json} beside the images.
 *
 * @param mean taken from each channel's values in [0, 1]; empty, one, or one a channel
 * @param std what they are divided by then; the same
 * @param size the height and width for a model that takes any; else empty
 */
record Preprocessing(List<Double> mean, List<Double> std, List<Double> size) {
  private static final String NAME = "preprocess.json";
  private static final int MOST_BYTES = 1 << 16;
  private static final int MOST_NUMBERS = 3;

  private static final JsonFactory JSON =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /** Reads the file in a folder of images or beside a file of them, if there is one. */
  static Preprocessing read(Path images) throws IOException {
    Path path = Files.isDirectory(images) ? images.resolve(NAME) : images.resolveSibling(NAME);
    Preprocessing preprocessing =
        new Preprocessing(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    if (Files.exists(path)) {
      try (InputFile file = InputFile.open(path);
          JsonParser json = JSON.createParser(RangeStream.all(file, MOST_BYTES))) {
        preprocessing.read(json, path);
      } catch (JsonProcessingException e) {
        throw refused(path, e.getOriginalMessage());
      }
    }
    return preprocessing;
  }

  private void read(JsonParser json, Path path) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw refused(path, "an object is needed");
    }
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      List<Double> numbers =
          switch (field) {
            case "mean" -> mean;
            case "std" -> std;
            case "size" -> size;
            default ->
                throw refused(path, "\"" + field + "\" is unknown; mean, std and size are read");
          };
      if (json.nextToken() != JsonToken.START_ARRAY) {
        throw refused(path, "\"" + field + "\" must be an array of numbers");
      }
      while (json.nextToken() != JsonToken.END_ARRAY) {
        if (!json.currentToken().isNumeric() || numbers.size() == MOST_NUMBERS) {
          throw refused(path, "\"" + field + "\" must be an array of one to three numbers");
        }
        numbers.add(json.getDoubleValue());
      }
      check(field, numbers, path);
    }
    if (json.nextToken() != null) {
      throw refused(path, "something follows the object");
    }
  }

  private static void check(String field, List<Double> numbers, Path path) {
    boolean right =
        switch (field) {
          case "size" ->
              numbers.size() == 2
                  && numbers.stream().allMatch(n -> n >= 1 && n <= 4096 && n == Math.rint(n));
          case "std" -> numbers.stream().allMatch(n -> n > 0 && Double.isFinite(n));
          default -> numbers.stream().allMatch(Double::isFinite);
        };
    if (!right || numbers.size() == 0) {
      throw refused(path, "\"" + field + "\" cannot be " + numbers);
    }
  }

  private static CheckpointFormatException refused(Path path, String why) {
    return CheckpointFormatException.of(Code.UNSUPPORTED, path, why);
  }

  /**
   * Gives what a channel's 256 values become, divided by 255 first.
   *
   * @param channels how many there are
   */
  float[] values(int channel, int channels, Path data) {
    for (List<Double> numbers : List.of(mean, std)) {
      if (numbers.size() > 1 && numbers.size() != channels) {
        throw refused(
            data, NAME + " has " + numbers.size() + " numbers for " + channels + " channels");
      }
    }
    float[] values = new float[256];
    for (int i = 0; i < 256; i++) {
      values[i] = (i / 255f - of(mean, channel, 0)) / of(std, channel, 1);
    }
    return values;
  }

  private static float of(List<Double> numbers, int channel, float otherwise) {
    return numbers.isEmpty()
        ? otherwise
        : numbers.get(Math.min(channel, numbers.size() - 1)).floatValue();
  }

  boolean scales() {
    return !mean.isEmpty() || !std.isEmpty();
  }
}
