package dev.coppice.formats.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.DType;
import dev.coppice.InvalidPlanException;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonPlanTest {
  private static final LinearPlan PLAN = plan();

  @TempDir Path folder;

  private static LinearPlan plan() {
    List<LinearPlan.Row> rows = new ArrayList<>();
    for (Format format : Format.values()) {
      rows.add(
          new LinearPlan.Row(
              "a \"layer\"\n",
              4096,
              14336,
              DType.BF16,
              0.5,
              8,
              "native",
              format,
              1.25e-3,
              2e-5,
              1.75,
              1L << 40,
              format == Format.CSR ? Optional.of(0.125) : Optional.empty(),
              format == Format.BITMAP));
    }
    return new LinearPlan("cpu:2", "some CPU; native AVX2", rows);
  }

  private static String text() {
    return new String(JsonPlan.toJson(PLAN, "1.2"), StandardCharsets.UTF_8);
  }

  private static LinearPlan parse(String text) {
    return JsonPlan.parse(text.getBytes(StandardCharsets.UTF_8), "p.json");
  }

  @Test
  void whatIsReadIsWhatWasWritten() throws IOException {
    Path file = folder.resolve("plan.json");
    JsonPlan.write(PLAN, "1.2", file, false, List.of());
    assertThat(JsonPlan.read(file)).isEqualTo(PLAN);
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> JsonPlan.write(PLAN, "1.2", file, false, List.of()));
  }

  @Test
  void fieldsHaveTheNamesThatOtherProgramsKnow() {
    assertThat(text().lines().map(String::strip).toList())
        .contains(
            "\"version\" : 1,",
            "\"tool\" : \"coppice 1.2\",",
            "\"shape\" : \"4096x14336\",",
            "\"dtype\" : \"BF16\",",
            "\"format\" : \"2:4\",",
            "\"joules\" : 0.125,",
            "\"chosen\" : true");
  }

  @Test
  void fieldsOfLaterReleasesArePassedOver() {
    String more =
        text()
            .replace("\"tool\"", "\"notes\" : [{\"a\" : [1, null]}], \"nothing\" : null, \"tool\"")
            .replace("\"layer\"", "\"clock\" : {\"hertz\" : 3e9}, \"layer\"");
    assertThat(parse(more)).isEqualTo(PLAN);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "\"version\" : 1 | \"version\" : 2 | the version must be 1, not 2: another release",
        "\"version\" : 1 | \"version\" : \"1\" | \"version\" must be a whole number, 1 or more, not 1",
        "\"tool\" : \"coppice 1.2\" | \"version\" : 1 | Duplicate field 'version'",
        "\"device\" : | \"dev\" : | \"device\" is missing; it must be a text",
        "\"rows\" : | \"lines\" : | \"rows\" are missing",
        "4096x14336 | 4096x | \"shape\" must be OUTxIN, not 4096x",
        "4096x14336 | 0x5 | \"shape\" must be OUTxIN, not 0x5",
        "4096x14336 | 5x4294967297 | \"shape\" must be OUTxIN, not 5x4294967297",
        "4096x14336 | 4x4x4 | \"shape\" must be OUTxIN, not 4x4x4",
        "BF16 | I8 | \"dtype\" must be one of [F32, F16, BF16], not I8",
        "\"sparsity\" : 0.5 | \"sparsity\" : 1.5 | \"sparsity\" must be a number from 0 to 1, not 1.5",
        "\"batch\" : 8 | \"batch\" : 0 | \"batch\" must be a whole number, 1 or more, not 0",
        "\"batch\" : 8 | \"batch\" : 99999999999999999999 | whole number, 1 or more",
        "\"format\" : \"csr\" | \"format\" : \"ELL\" | a format must be one of dense, 2:4, bitmap, csr",
        "\"seconds\" : 0.00125 | \"seconds\" : 0 | \"seconds\" must be a number above 0, not 0",
        "\"seconds\" : 0.00125 | \"seconds\" : 1e999 | \"seconds\" must be a number above 0",
        "\"spread\" : 2.0E-5 | \"spread\" : -1 | \"spread\" must be a number, 0 or more, not -1",
        "\"joules\" : 0.125 | \"joules\" : \"few\" | \"joules\" must be a number, 0 or more, not few",
        "\"chosen\" : true | \"chosen\" : 1 | \"chosen\" must be true or false, not 1",
        "\"chosen\" : false | \"chosen\" : true | has two rows for batch 8 that are chosen",
        "\"rows\" : [ { | \"rows\" : [ 5, { | a row must be an object",
        "\"rows\" : [ { | \"rows\" : { | p.json",
        "\"speedup\" : 1.75 | \"speedup\" : NaN | \"speedup\" must be a number above 0, not NaN",
        "\"spread\" : 2.0E-5 | \"spread\" : Infinity | must be a number, 0 or more, not Infinity",
      })
  void whatIsNoPlanIsRefusedInOneLine(String found, String instead, String message) {
    String damaged = text().replace(found, instead);
    assertThat(damaged).isNotEqualTo(text());
    assertThatExceptionOfType(InvalidPlanException.class)
        .isThrownBy(() -> parse(damaged))
        .withMessageStartingWith("p.json:")
        .withMessageContaining(message);
  }

  @Test
  void aRowIsRefusedWithItsLine() {
    assertThatExceptionOfType(InvalidPlanException.class)
        .isThrownBy(() -> parse(text().replaceFirst("\"batch\" : 8,", "")))
        .withMessage("p.json:6:14: \"batch\" is missing; it must be a whole number, 1 or more");
  }

  @Test
  void damagedBytesAreRefusedOrHoldAPlan() {
    byte[] good = JsonPlan.toJson(PLAN, "1.2");
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 5_000; i++) {
      byte[] bad = good.clone();
      bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      try {
        JsonPlan.parse(bad, "p.json");
      } catch (InvalidPlanException e) {
        assertThat(e).hasMessageStartingWith("p.json");
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(1_000);
  }

  @Test
  void whatIsTooLargeOrNotTextOrNestedIsRefused() throws IOException {
    assertThatExceptionOfType(InvalidPlanException.class)
        .isThrownBy(() -> parse("{\"a\":" + "[".repeat(100_000)))
        .withMessageContaining("nesting depth");
    for (String text : new String[] {"", "[]", "null", "{", text() + "{}"}) {
      assertThatExceptionOfType(InvalidPlanException.class).isThrownBy(() -> parse(text));
    }
    Path large = folder.resolve("large.json");
    Files.write(large, new byte[JsonPlan.LARGEST + 1]);
    assertThatExceptionOfType(InvalidPlanException.class)
        .isThrownBy(() -> JsonPlan.read(large))
        .withMessageContaining("a plan has at most 67108864 bytes");
  }
}
