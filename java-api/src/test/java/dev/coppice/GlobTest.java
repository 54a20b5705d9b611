package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class GlobTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "* anything",
        "*.weight a.b.weight",
        "a.*.weight a.b/c.weight",
        "a* a",
        "layer.? layer.7",
        "{q,k}_proj k_proj",
        "*.{0,1*}.w h.12.w",
        "x{,y} xy",
        "x{,y} x",
        "a,b a,b",
        "a+b a+b",
        "[a] [a]",
        "a\\b a\\b",
        "? \uD83D\uDE00",
        "w$^ w$^",
        "{a,b}{c,d} bc",
        "{*,x}y{,z} aby",
        "{a?,*b}c xbc",
      })
  void matchesTheWholeName(String glob, String name) {
    assertThat(Glob.of(glob).matches(name)).isTrue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ' ',
      value = {
        "weight a.weight",
        "a a.weight",
        "a.b axb",
        "layer.? layer.12",
        "layer.? layer.",
        "{q,k}_proj v_proj",
        "[ab] a",
        "A a",
        "a* ba",
        "{a,b}c ab",
        "{a,bc} c",
        "{a,b} a,b",
      })
  void matchesNothingElse(String glob, String name) {
    assertThat(Glob.of(glob).matches(name)).isFalse();
  }

  @Test
  void aStarMatchesLineBreaksAndTheEmptyName() {
    assertThat(Glob.of("*").matches("a\nb")).isTrue();
    assertThat(Glob.of("*").matches("")).isTrue();
    assertThat(Glob.of("").matches("")).isTrue();
  }

  @Test
  @Timeout(30)
  void manyStarsOnALongNameAreNotTriedInAllWays() {
    String name = "a".repeat(60_000);
    assertThat(Glob.of("*a".repeat(20) + "*b").matches(name)).isFalse();
    assertThat(Glob.of("*{a,aa}".repeat(20)).matches(name)).isTrue();
    assertThat(Glob.of("*".repeat(10_000)).matches("a")).isTrue();
  }

  @Test
  void aGlobLongerThanAnyNameNeedsIsRefused() {
    assertThatThrownBy(() -> Glob.of("a".repeat(10_001)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessage("a glob has at most 10,000 characters, not 10,001");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{a", "a}", "{a,{b}}", "}{"})
  void bracesThatDoNotPairAreRefused(String glob) {
    assertThatThrownBy(() -> Glob.of(glob))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining(glob);
  }

  @Test
  void aNameWithoutSignsIsLiteral() {
    assertThat(Glob.of("a.b[0],c").isLiteral()).isTrue();
    assertThat(Glob.of("a*").isLiteral()).isFalse();
    assertThat(Glob.of("a?").isLiteral()).isFalse();
    assertThat(Glob.of("{a,b}").isLiteral()).isFalse();
  }
}
