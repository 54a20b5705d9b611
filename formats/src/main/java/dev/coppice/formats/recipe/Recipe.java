package dev.coppice.formats.recipe;

import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.coppice.InvalidPlanException;
import dev.coppice.PruningPlan;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Plans written as YAML; docs/recipes.md shows all keys. */
public final class Recipe {
  /** The largest recipe that is read, in bytes. */
  public static final int LARGEST = 1 << 20;

  private static final YAMLFactory YAML = new YAMLFactory();

  private Recipe() {}

  /**
   * Reads a plan.
   *
   * @throws InvalidPlanException if it is not one; the message begins with file, line and column
   */
  public static PruningPlan read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LARGEST + 1);
      if (bytes.length > LARGEST) {
        throw new InvalidPlanException(
            file + ": a recipe has at most " + LARGEST + " bytes, and this file has more");
      }
      return parse(decode(bytes, file), file.toString());
    }
  }

  /**
   * Reads a plan from text.
   *
   * @param source what messages call it
   */
  public static PruningPlan parse(String text, String source) throws IOException {
    if (text.length() > LARGEST) {
      throw new InvalidPlanException(source + ": a recipe has at most " + LARGEST + " characters");
    }
    try (YAMLParser parser = YAML.createParser(text)) {
      return new RecipeParser(parser, source).plan();
    }
  }

  private static String decode(byte[] bytes, Path file) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new InvalidPlanException(file + ": a recipe is a text in UTF-8, and this is not");
    }
  }
}
