package dev.coppice.cli;

import dev.coppice.Tensor;
import dev.coppice.formats.plan.JsonPlan;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.SparseLinear;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The example of docs/linear.md, which shows what is between the marks. */
final class LinearExample {
  private LinearExample() {}

  static String run(Tensor weights, Tensor bias, Tensor x, Tensor y, Path file) throws IOException {
    // example
    // Once, on the machine that will run it: measure, and keep what was found.
    LinearPlan measured = SparseLinear.plan(weights, List.of(1L, 8L, 64L), Device.cpu());
    JsonPlan.write(measured, "1.0", file, true, List.of());

    // Then: y = x W^T + b, for up to 64 rows of x, by what was the fastest for so many.
    LinearWeights held = LinearWeights.compress(Format.DENSE, weights);
    LinearPlan plan = JsonPlan.read(file);
    try (SparseLinear layer = SparseLinear.of(held, Optional.of(bias), plan, 64)) {
      layer.apply(x, y);
      System.out.println(layer);
      // end
      return layer.toString();
    }
  }
}
