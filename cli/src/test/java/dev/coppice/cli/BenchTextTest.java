package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.LinearPlan.Row;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class BenchTextTest {
  private final List<Row> rows = new ArrayList<>();

  /** Adds what was measured of a layer and a batch: dense, and bitmap. */
  private BenchTextTest layer(String name, long batch, double dense, double bitmap) {
    boolean pays = bitmap < dense;
    row(name, batch, "onnxruntime", Format.DENSE, dense, 1, 235_000_000, !pays);
    row(name, batch, "native", Format.BITMAP, bitmap, dense / bitmap, 120_000_000, pays);
    return this;
  }

  private void row(
      String name,
      long batch,
      String by,
      Format format,
      double seconds,
      double speedup,
      long bytes,
      boolean chosen) {
    rows.add(
        new Row(
            name,
            4096,
            14336,
            DType.F32,
            0.5,
            batch,
            by,
            format,
            seconds,
            seconds / 100,
            speedup,
            bytes,
            Optional.empty(),
            chosen));
  }

  private BenchText text(Long... batches) {
    LinearPlan plan = new LinearPlan("cpu:2", "Some CPU, AVX2, 2 of 2 threads; native AVX2", rows);
    return new BenchText(plan, List.of(batches), OptionalInt.of(80));
  }

  @Test
  void oneLayerIsShownWithAllProducts() {
    layer("layer", 1, 0.02, 0.0125).layer("layer", 64, 0.4, 0.5);
    assertThat(String.join("\n", text(1L, 64L).lines()))
        .isEqualTo(
            """
            Measured on Some CPU, AVX2, 2 of 2 threads; native AVX2

            layer: 4096x14336 F32, 50.0 % zero
               batch  format  by                time    spread  speed-up   weights
                   1  dense   onnxruntime   20.00 ms  200.0 us     1.00x  235.0 MB
            *      1  bitmap  native        12.50 ms  125.0 us     1.60x  120.0 MB
            *     64  dense   onnxruntime  400.00 ms   4.00 ms     1.00x  235.0 MB
                  64  bitmap  native       500.00 ms   5.00 ms     0.80x  120.0 MB

            At batch 1 bitmap makes this layer 1.60x as fast as dense; at batch 64 nothing
            is faster than dense.""");
  }

  @Test
  void equalLayersOfAModelAreShownOnceAndAllAreAddedUp() {
    for (int i = 0; i < 3; i++) {
      layer("blocks." + i + ".q", 1, 0.02, 0.01);
    }
    layer("blocks.0.out", 1, 0.03, 0.06);
    String text = String.join("\n", text(1L).lines());
    assertThat(text)
        .contains("blocks.0.q and 2 more: 4096x14336 F32, 50.0 % zero\n")
        .contains("blocks.0.out: 4096x14336 F32")
        .doesNotContain("blocks.1.q")
        .contains("All 4 layers:\n")
        .containsPattern("\n +1 +90.00 ms +60.00 ms +1.50x +940.0 MB +595.0 MB\n")
        .endsWith("At batch 1 bitmap makes 3 of 4 layers faster, and all layers together 1.50x.");
    assertThat(text.lines()).allMatch(line -> line.length() <= 80);
  }

  @Test
  void whereNothingPaysItSaysSo() {
    layer("a", 1, 0.02, 0.03).layer("a", 8, 0.02, 0.03);
    assertThat(text(1L, 8L).conclusion())
        .isEqualTo("Nothing here is faster than dense: keep it dense.");
  }

  @Test
  void severalFormatsAreNamed() {
    layer("a", 1, 0.02, 0.01);
    row("b", 1, "blas", Format.DENSE, 0.02, 1, 200, false);
    row("b", 1, "native", Format.TWO_FOUR, 0.01, 2, 100, true);
    assertThat(text(1L).conclusion())
        .isEqualTo(
            "At batch 1 bitmap and 2:4 make 2 of 2 layers faster, and all layers together 2.00x.");
  }

  @Test
  void aBatchThatWasMeasuredWithFewerRowsIsScaledInSumsAndSaid() {
    layer("large", 64, 1, 2).layer("small", 64, 0.01, 0.02).layer("small", 512, 0.08, 0.1);
    String text = String.join("\n", text(64L, 512L).lines());
    assertThat(text)
        .contains("measured with fewer rows")
        .contains("512 with 64.")
        .containsPattern("\n +512 +8.08 s +8.08 s +1.00x ");
  }

  @Test
  void energyIsShownWhereItWasCounted() {
    rows.add(
        new Row(
            "a",
            4,
            8,
            DType.BF16,
            0.996,
            1,
            "blas",
            Format.DENSE,
            2e-5,
            0,
            1,
            64,
            Optional.of(0.0025),
            true));
    String text = String.join("\n", text(1L).lines());
    assertThat(text).contains("energy\n", "2.50 mJ\n", "20.0 us", "a: 4x8 BF16, 99.6 % zero");
  }

  @Test
  void energyIsAddedUpOnlyWhereItWasCountedForAllThatIsDenseAndAllThatIsChosen() {
    layer("a", 1, 0.02, 0.01).layer("b", 1, 0.02, 0.01);
    rows.replaceAll(row -> row.format() == Format.DENSE ? counted(row) : row);
    assertThat(sumHead()).doesNotContain("energy");
    rows.replaceAll(BenchTextTest::counted);
    assertThat(sumHead()).contains("energy");
  }

  /** Gives the head of the table of sums. */
  private String sumHead() {
    List<String> lines = text(1L).lines();
    return lines.get(lines.indexOf("All 2 layers:") + 1);
  }

  private static Row counted(Row row) {
    return new Row(
        row.layer(),
        row.out(),
        row.in(),
        row.dtype(),
        row.sparsity(),
        row.batch(),
        row.provider(),
        row.format(),
        row.seconds(),
        row.spread(),
        row.speedup(),
        row.bytes(),
        Optional.of(0.5),
        row.chosen());
  }

  @Test
  void namesOfStrangersDriveNoTerminal() {
    layer("evil\u001B[2J" + "x".repeat(100), 1, 0.02, 0.03);
    assertThat(text(1L).lines())
        .allMatch(line -> line.length() <= 80 && line.indexOf('\u001B') < 0);
  }
}
