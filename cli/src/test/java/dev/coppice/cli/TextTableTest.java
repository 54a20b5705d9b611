package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class TextTableTest {
  private static final String LONG = "encoder.layer.0.attention.self.query.weight";

  private static TextTable table() {
    return new TextTable()
        .column("tensor", TextTable.Kind.NAME)
        .column("dtype", TextTable.Kind.WORD)
        .column("total", TextTable.Kind.NUMBER)
        .row(List.of(LONG, "F32", "1,234"))
        .row(List.of("b", "BF16", "5"));
  }

  @Test
  void numbersStandAtTheRightAndWordsAtTheLeft() {
    assertThat(table().lines(OptionalInt.empty()))
        .containsExactly(
            "tensor                                       dtype  total",
            LONG + "  F32    1,234",
            "b                                            BF16       5");
  }

  @Test
  void namesLoseTheirMiddleWhereTheWidthDoesNotSuffice() {
    assertThat(table().lines(OptionalInt.of(40)))
        .containsExactly(
            "tensor                      dtype  total",
            "encoder.lay...query.weight  F32    1,234",
            "b                           BF16       5");
  }

  @Test
  void namesGetALineOfTheirOwnWhereTooLittleIsLeft() {
    assertThat(table().lines(OptionalInt.of(24)))
        .containsExactly(
            "tensor",
            "  dtype  total",
            "encoder.la...uery.weight",
            "  F32    1,234",
            "b",
            "  BF16       5");
  }

  @Test
  void aTableWithoutNamesIsNotBroken() {
    TextTable words = new TextTable().column("backend", TextTable.Kind.WORD).row(List.of("native"));
    assertThat(words.lines(OptionalInt.of(3))).containsExactly("backend", "native");
  }
}
