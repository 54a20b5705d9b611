package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class FiguresTest {
  @Test
  void thousandsAreSeparated() {
    assertThat(Figures.count(1_234_567)).isEqualTo("1,234,567");
    assertThat(Figures.counted(1, "tensor")).isEqualTo("1 tensor");
    assertThat(Figures.counted(1000, "tensor")).isEqualTo("1,000 tensors");
  }

  @Test
  void onlyAllIsAHundredPercentAndOnlyNoneIsNothing() {
    assertThat(Figures.percent(1, 2)).isEqualTo("50.00 %");
    assertThat(Figures.percent(1, 1_000_000)).isEqualTo("0.01 %");
    assertThat(Figures.percent(999_999, 1_000_000)).isEqualTo("99.99 %");
    assertThat(Figures.percent(7, 7)).isEqualTo("100.00 %");
    assertThat(Figures.percent(0, 7)).isEqualTo("0.00 %");
    assertThat(Figures.percent(0, 0)).isEqualTo("-");
  }

  @Test
  void sizesAreInDecimalUnits() {
    assertThat(Figures.bytes(999)).isEqualTo("999 B");
    assertThat(Figures.bytes(90_387_630)).isEqualTo("90.4 MB");
    assertThat(Figures.bytes(999_960)).isEqualTo("1.0 MB");
    assertThat(Figures.bytes(4_000_000_000L)).isEqualTo("4.0 GB");
  }

  @Test
  void ratesBelowATenthKeepThreeDigits() {
    assertThat(Figures.rate(5_210_000_000L, 1)).isEqualTo("5.21 GB/s");
    assertThat(Figures.rate(12_300_000, 1)).isEqualTo("0.012 GB/s");
    assertThat(Figures.rate(1, 0)).isEqualTo("-");
  }

  @Test
  void theMiddleOfANameGoesFirst() {
    assertThat(Figures.shortened("abcdefghij", 10)).isEqualTo("abcdefghij");
    assertThat(Figures.shortened("abcdefghij", 8)).isEqualTo("ab...hij");
    assertThat(Figures.shortened("abcdefghij", 2)).isEqualTo("ab");
  }

  @Test
  void aStrangersTextDoesNotDriveTheTerminal() {
    assertThat(Figures.printable("\u001B[2Ja\u202Eb\u2066c\u2028d\u009Be\uD83Df\uD83D\uDE00é"))
        .isEqualTo(".[2Ja.b.c.d.e.f\uD83D\uDE00é");
  }

  @Test
  void sentencesBreakBetweenWords() {
    assertThat(Figures.wrapped("one two three four", OptionalInt.of(9)))
        .containsExactly("one two", "three", "four");
    assertThat(Figures.wrapped("averylongword here", OptionalInt.of(5)))
        .containsExactly("averylongword", "here");
    assertThat(Figures.wrapped("one two", OptionalInt.empty())).containsExactly("one two");
  }

  @Test
  void aBarShowsShareAndRate() {
    assertThat(ProgressBar.bar("prune", 0.5, 2_000_000_000, 1))
        .isEqualTo("[============            ]  50 %  prune  2.00 GB/s");
  }
}
