package dev.coppice.sparse;

import dev.coppice.DType;
import java.util.List;
import java.util.Optional;

/**
 * What was measured of the layers of a model on one machine, and what was chosen for each.
 *
 * @param device what was measured on, as {@link Device} writes it: {@code cpu:2}, {@code cuda:0}
 * @param key the device's description and the versions of all that was measured: where it is
 *     another one, the choices say nothing
 * @param rows a row for each layer, batch and product, those of a layer and a batch together
 */
public record LinearPlan(String device, String key, List<Row> rows) {
  /** Copies the rows. */
  public LinearPlan {
    rows = List.copyOf(rows);
  }

  /**
   * One product of one layer.
   *
   * @param layer its name
   * @param sparsity the share of its weights that are zero
   * @param batch the rows of x
   * @param provider what computed it: {@code native}, {@code onnxruntime}, {@code cublas}
   * @param seconds the median of a product
   * @param spread the range of the middle half of the samples, in seconds
   * @param speedup how many times faster it is than the best dense product of that layer and batch
   * @param bytes what its weights take, indices included
   * @param joules of a product, where the device counts energy
   * @param chosen whether it is what should be used
   */
  public record Row(
      String layer,
      long out,
      int in,
      DType dtype,
      double sparsity,
      long batch,
      String provider,
      Format format,
      double seconds,
      double spread,
      double speedup,
      long bytes,
      Optional<Double> joules,
      boolean chosen) {
    /** Gives the same measurement for another layer of its kind. */
    Row of(String otherLayer, double otherSparsity) {
      return new Row(
          otherLayer,
          out,
          in,
          dtype,
          otherSparsity,
          batch,
          provider,
          format,
          seconds,
          spread,
          speedup,
          bytes,
          joules,
          chosen);
    }
  }

  /** Gives what is planned for one of its layers; no rows if it has none of that name. */
  public LinearPlan only(String layer) {
    return new LinearPlan(
        device, key, rows.stream().filter(row -> row.layer().equals(layer)).toList());
  }

  /** Gives the names of its layers, in order. */
  public List<String> layers() {
    return rows.stream().map(Row::layer).distinct().toList();
  }

  /** Gives what was chosen for a layer, for the batch that is nearest in ratio to this one. */
  public Optional<Row> choice(String layer, long batch) {
    return rows.stream()
        .filter(row -> row.chosen() && row.layer().equals(layer))
        .min((a, b) -> Double.compare(distance(a.batch(), batch), distance(b.batch(), batch)));
  }

  private static double distance(long a, long b) {
    return Math.abs(Math.log((double) a / b));
  }
}
