package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TableTest {
  private static String table(boolean colour) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    Table table = new Table(out, new Ink(colour), "name  ", "  count");
    table.row("a", "12");
    table.faintRow("b", "3,456");
    return bytes.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
  }

  @Test
  void namesStandToTheLeftAndNumbersToTheRight() {
    assertThat(table(false))
        .isEqualTo(
            """
              name     count
              a           12
              b        3,456
            """);
  }

  @Test
  void coloursDoNotMoveAnything() {
    assertThat(table(true)).contains("\033[1m", "\033[2m");
    assertThat(table(true).replaceAll("\033\\[\\d+m", "")).isEqualTo(table(false));
  }
}
