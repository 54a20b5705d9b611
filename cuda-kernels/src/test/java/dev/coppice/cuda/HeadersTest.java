package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class HeadersTest {
  private static final Pattern CONSTANT =
      Pattern.compile("^constexpr unsigned ([A-Z_]+) = (\\d+);", Pattern.MULTILINE);
  private static final Pattern SIZE =
      Pattern.compile(
          "^static_assert\\(sizeof\\((Slice|Scope|Tally|State)\\) == (\\d+)\\);",
          Pattern.MULTILINE);

  @Test
  void javaKnowsTheConstantsOfTheKernels() throws Exception {
    Map<String, Integer> constants = found(CONSTANT);
    for (Field field : Headers.class.getDeclaredFields()) {
      assertThat(field.getInt(null)).as(field.getName()).isEqualTo(constants.get(field.getName()));
    }
  }

  @Test
  void javaKnowsTheSizesOfTheTables() throws Exception {
    assertThat(found(SIZE))
        .isEqualTo(
            Map.of(
                "Slice", Tables.SLICE_BYTES,
                "Scope", Tables.SCOPE_BYTES,
                "Tally", Tables.TALLY_BYTES,
                "State", Tables.STATE_BYTES));
  }

  private static Map<String, Integer> found(Pattern pattern) throws IOException {
    Map<String, Integer> values = new HashMap<>();
    try (Stream<Path> files = Files.list(Path.of("src/main/cuda"))) {
      List<Path> headers = files.filter(f -> f.toString().endsWith(".cuh")).toList();
      for (Path header : headers) {
        Matcher matcher = pattern.matcher(Files.readString(header));
        while (matcher.find()) {
          values.put(matcher.group(1), Integer.valueOf(matcher.group(2)));
        }
      }
    }
    return values;
  }
}
