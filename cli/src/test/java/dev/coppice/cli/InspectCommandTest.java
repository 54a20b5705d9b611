package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
  @TempDir Path folder;

  private Invocation inspect(TinyModel model, Object... options) throws IOException {
    Path file = model.write(folder.resolve("model.safetensors"));
    Object[] words = new Object[options.length + 2];
    words[0] = "inspect";
    words[1] = file;
    System.arraycopy(options, 0, words, 2, options.length);
    Invocation done = Invocation.of(words);
    assertThat(done.err()).isEmpty();
    assertThat(done.status()).isZero();
    return done;
  }

  @Test
  void everyTensorIsShownAndWhyItIsLeftAlone() throws IOException {
    assertThat(inspect(TinyModel.usual()).out())
        .contains("model.safetensors: safetensors, ", "4 tensors")
        .containsPattern("\\* +layer\\.0\\.weight +8x16 +F32 +128 +0 +0\\.00 %")
        .containsPattern(" +layer\\.0\\.bias +8 +F32 +8 +0 +0\\.00 %")
        .containsPattern(" +ids +4 +I64 +4 +- +-")
        .contains("A default plan takes 1 tensor with 128 weights, marked *, and leaves alone:")
        .contains("rank 1 is below 2: layer.0.bias");
  }

  @Test
  void manyReasonsAreCutShortUnlessVerbose() throws IOException {
    TinyModel model = new TinyModel().f32("w", i -> 1, 4, 4);
    for (int i = 0; i < 12; i++) {
      model.f32("n" + i + "norm", j -> 1, 4, 4);
    }
    assertThat(inspect(model).out())
        .contains("5 more, for other reasons; --verbose lists all")
        .doesNotContain("\"n9norm\" is excluded");
    assertThat(inspect(model, "--verbose").out())
        .contains("\"n9norm\" is excluded by default:\n    n9norm")
        .doesNotContain(" more, for other reasons");
  }

  @Test
  void aModelWithNothingToPruneIsShownAllTheSame() throws IOException {
    assertThat(inspect(new TinyModel().f32("bias", i -> i, 4)).out())
        .contains("A default plan takes 0 tensors with 0 weights");
  }

  @Test
  void patternsAreFoundAlongTheReductionAxis() throws IOException {
    IntToDoubleFunction oneOfFour = i -> i % 4 == 2 ? 1 : 0;
    IntToDoubleFunction twoOfFour = i -> i % 4 < 2 ? 1 : -0.0;
    IntToDoubleFunction fourOfEight = i -> i % 8 < 4 ? 1 : 0;
    IntToDoubleFunction tooMany = i -> i == 127 || i % 4 < 2 ? 1 : 0;
    TinyModel model =
        new TinyModel()
            .f32("a", oneOfFour, 8, 16)
            .f32("b", twoOfFour, 8, 16)
            .f32("c", fourOfEight, 8, 16)
            .f32("d", tooMany, 8, 16)
            .f32("e", i -> 1, 8, 16)
            .f32("f", i -> 0, 8, 16)
            .f32("g", i -> (i / 9) % 4 < 2 ? 1 : 0, 4, 8, 3, 3)
            .f32("h", twoOfFour, 8, 18);
    assertThat(inspect(model).out().lines().map(l -> l.strip().replaceAll(" {2,}", "|")))
        .contains(
            "*|a|8x16|F32|128|96|75.00 %|1:4",
            "*|b|8x16|F32|128|64|50.00 %|2:4",
            "*|c|8x16|F32|128|64|50.00 %|4:8",
            "*|d|8x16|F32|128|63|49.22 %",
            "*|e|8x16|F32|128|0|0.00 %",
            "*|f|8x16|F32|128|128|100.00 %",
            "*|g|4x8x3x3|F32|288|144|50.00 %|2:4",
            "*|h|8x18|F32|144|72|50.00 %");
  }

  @Test
  void aPatternIsFoundAcrossSlicesOfALongRow() throws IOException {
    TinyModel model =
        new TinyModel()
            .f32("wide", i -> i % 2, 1, 300_000)
            .f32("broken", i -> i % 2 == 1 || i == 299_998 ? 1 : 0, 1, 300_000)
            .f32("tall", i -> (i / 70_000) % 2, 1, 16, 70_000);
    assertThat(inspect(model).out())
        .containsPattern("wide .*150,000 +50\\.00 % +2:4")
        .containsPattern("broken .*149,999 +50\\.00 %\\n")
        .containsPattern("tall .*560,000 +50\\.00 % +2:4");
  }

  @Test
  void nanAndInfinityAreCountedWhereThereAreAny() throws IOException {
    IntToDoubleFunction odd =
        i -> i == 3 ? Double.NaN : i == 4 || i == 5 ? Double.NEGATIVE_INFINITY : 1;
    assertThat(inspect(new TinyModel().f32("w", odd, 4, 4)).out())
        .containsPattern("NaN +Inf")
        .containsPattern("w +4x4 +F32 +16 +0 +0\\.00 % +1 +2");
  }

  @Test
  void halvesAreReadToo() throws IOException {
    byte[] half = new byte[64];
    half[1] = 0x3C;
    half[3] = 0x7C;
    half[5] = (byte) 0xFE;
    half[7] = (byte) 0x80;
    assertThat(inspect(new TinyModel().bytes("w", "F16", half, "4,8")).out())
        .containsPattern("w +4x8 +F16 +32 +29 .* 1 +1");
  }

  @Test
  void jsonIsForPrograms() throws IOException {
    String json = inspect(TinyModel.usual(), "--json").out();
    try (JsonParser parser = new JsonFactory().createParser(json)) {
      while (parser.nextToken() != null) {}
    }
    assertThat(json.replaceAll("\\s+", " "))
        .startsWith("{ \"version\" : 1, \"path\" : ")
        .contains("\"name\" : \"layer.0.weight\", \"type\" : \"F32\", \"shape\" : [ 8, 16 ], ")
        .contains("\"bytes\" : 512, \"total\" : 128, \"zeros\" : 0, \"nans\" : 0, ")
        .contains("\"default_plan\" : true")
        .contains("\"reason\" : \"rank 1 is below 2\"");
  }
}
