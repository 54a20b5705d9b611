package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClosingTest {
  private final List<String> closed = new ArrayList<>();

  private Runnable failing(RuntimeException failure) {
    return () -> {
      closed.add(String.valueOf(failure.getMessage()));
      throw failure;
    };
  }

  @Test
  void whatComesAfterAnErrorIsClosedToo() {
    Error error = new NoClassDefFoundError("missing");
    IllegalStateException later = new IllegalStateException("later");
    assertThatThrownBy(
            () ->
                Closing.all(
                    List.of(
                        () -> {
                          throw error;
                        },
                        failing(later),
                        () -> closed.add("last"))))
        .isSameAs(error)
        .satisfies(e -> assertThat(e.getSuppressed()).containsExactly(later));
    assertThat(closed).containsExactly("later", "last");
  }

  @Test
  void theFirstFailureCarriesTheOthers() {
    IllegalStateException first = new IllegalStateException("first");
    IllegalStateException second = new IllegalStateException("second");
    assertThatThrownBy(() -> Closing.all(List.of(failing(first), failing(second))))
        .isSameAs(first)
        .satisfies(e -> assertThat(e.getSuppressed()).containsExactly(second));
  }

  @Test
  void nothingIsThrownWhereNothingFails() {
    Closing.all(List.of(() -> closed.add("one"), () -> closed.add("two")));
    assertThat(closed).containsExactly("one", "two");
  }
}
