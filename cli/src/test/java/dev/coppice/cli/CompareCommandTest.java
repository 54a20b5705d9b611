package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareCommandTest {
  @TempDir Path folder;

  private Invocation compare(TinyModel a, TinyModel b, Object... options) throws IOException {
    Object[] words = new Object[options.length + 3];
    words[0] = "compare";
    words[1] = a.write(folder.resolve("a.safetensors"));
    words[2] = b.write(folder.resolve("b.safetensors"));
    System.arraycopy(options, 0, words, 3, options.length);
    Invocation done = Invocation.of(words);
    assertThat(done.err()).isEmpty();
    return done;
  }

  @Test
  void equalModelsEndWithZero() throws IOException {
    Invocation done = compare(TinyModel.usual(), TinyModel.usual());
    assertThat(done.status()).isZero();
    assertThat(done.out()).isEqualTo("The same: 4 tensors.\n");
  }

  @Test
  void changedAndNewlyZeroElementsAndTheErrorAreShown() throws IOException {
    TinyModel a = new TinyModel().f32("w", i -> i == 0 ? 3 : 4, 1, 2).f32("x", i -> 1, 3);
    TinyModel b = new TinyModel().f32("w", i -> i == 0 ? 0 : 4, 1, 2).f32("x", i -> 1, 3);
    Invocation done = compare(a, b);
    assertThat(done.status()).isEqualTo(ExitStatus.DIFFERENT);
    assertThat(done.out())
        .containsPattern("w +1x2 +F32 +1 +1 +2 +0\\.600000")
        .doesNotContainPattern("x +3 +F32")
        .contains("1 tensor differs, 1 element changed in all; 1 tensor is the same.");
    assertThat(compare(a, b, "--verbose").out()).containsPattern("x +3 +F32 +0 +0 +3 +0\\.000000");
    assertThat(compare(a, b, "--quiet").out()).isEmpty();
    assertThat(compare(a, b, "--quiet").status()).isEqualTo(ExitStatus.DIFFERENT);
  }

  @Test
  void theSignOfAZeroIsADifference() throws IOException {
    Invocation done =
        compare(new TinyModel().f32("w", i -> 0.0, 2), new TinyModel().f32("w", i -> -0.0, 2));
    assertThat(done.status()).isEqualTo(ExitStatus.DIFFERENT);
    assertThat(done.out()).containsPattern("w +2 +F32 +2 +0 +2 +0\\.000000");
  }

  @Test
  void aNanThatStaysIsNoDifferenceAndOneThatComesMakesTheErrorInfinite() throws IOException {
    TinyModel nan = new TinyModel().f32("w", i -> i == 1 ? Double.NaN : 1, 4);
    TinyModel none = new TinyModel().f32("w", i -> 1, 4);
    assertThat(compare(nan, nan).status()).isZero();
    assertThat(compare(none, nan).out()).containsPattern("w +4 +F32 +1 +0 +4 +inf");
  }

  @Test
  void otherTypesAreComparedByTheirBytes() throws IOException {
    byte[] changed = new byte[32];
    changed[9] = 1;
    changed[12] = 1;
    changed[31] = 1;
    Invocation done =
        compare(
            new TinyModel().bytes("ids", "I64", new byte[32], "4"),
            new TinyModel().bytes("ids", "I64", changed, "4"));
    assertThat(done.status()).isEqualTo(ExitStatus.DIFFERENT);
    assertThat(done.out()).containsPattern("ids +4 +I64 +2 +0 +4 +-");
  }

  @Test
  void tensorsOfOneModelOnlyAndOtherShapesAreDifferences() throws IOException {
    TinyModel a = new TinyModel().f32("w", i -> 1, 2, 3).f32("mine", i -> 1, 2);
    TinyModel b = new TinyModel().f32("w", i -> 1, 3, 2).f32("yours", i -> 1, 2);
    Invocation done = compare(a, b);
    assertThat(done.status()).isEqualTo(ExitStatus.DIFFERENT);
    assertThat(done.out())
        .contains("w: F32 2x3 and F32 3x2")
        .containsPattern("mine: only in .*a\\.safetensors")
        .containsPattern("yours: only in .*b\\.safetensors");
  }

  @Test
  void differencesBeyondTheFirstSliceAreCounted() throws IOException {
    TinyModel a = new TinyModel().f32("w", i -> 1, 1000, 400);
    TinyModel b = new TinyModel().f32("w", i -> i % 100_000 == 99_999 ? 0 : 1, 1000, 400);
    assertThat(compare(a, b).out()).containsPattern("w +1000x400 +F32 +4 +4 +400,000 +0\\.003162");
  }
}
