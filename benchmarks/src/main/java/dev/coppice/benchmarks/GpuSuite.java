package dev.coppice.benchmarks;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Shape;
import dev.coppice.cuda.CudaProvider;
import dev.coppice.spi.Backend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Measures the CUDA backend on the first device, and adds rows to a file as they are measured.
 * Arguments: that file, and {@code device}, {@code files}, {@code linear} (products of pruned
 * layers), or {@code profile}: each kernel a few times, for a profiler to watch. With {@code
 * -Dcoppice.bench.small=true} sizes are tiny: to see that everything works, here and on the
 * emulated driver.
 */
public final class GpuSuite {
  private final boolean small = Boolean.getBoolean("coppice.bench.small");
  private final RowFile rows;

  private GpuSuite(RowFile rows) {
    this.rows = rows;
  }

  /** Measures. */
  public static void main(String[] args) throws IOException, InterruptedException {
    GpuSuite suite = new GpuSuite(new RowFile(Path.of(args[0])));
    switch (args[1]) {
      case "device" -> suite.device();
      case "files" -> suite.files();
      case "linear" -> GpuLinear.run(suite.rows, suite.small);
      case "profile" -> suite.profile();
      default ->
          throw new IllegalArgumentException("device, files, linear or profile, not " + args[1]);
    }
  }

  private void device() {
    try (GpuDevice device = new GpuDevice();
        Backend backend = new CudaProvider().create(0)) {
      rows.add("machine", device.describe());
      GpuPruning pruning = new GpuPruning(device, backend, rows, copy(device));
      layers(pruning);
      calls(pruning);
      for (DType dtype : List.of(DType.BF16, DType.F32)) {
        sizes(pruning, dtype);
      }
    }
  }

  /** Measures the device's own copy, and gives the bytes a second that it reads and writes. */
  private double copy(GpuDevice device) {
    long bytes = small ? 4 << 20 : Math.min(4L << 30, device.freeBytes() / 4 / 16 * 16);
    try (GpuBuffer from = new GpuBuffer(bytes);
        GpuBuffer to = new GpuBuffer(bytes)) {
      from.fill(Input.UNIFORM, DType.BF16);
      Samples samples =
          Samples.take(
              4,
              () -> {
                device.flush(1);
                device.begin();
                to.copy(from, device.stream());
                device.end();
                return device.seconds();
              });
      double speed = 2.0 * bytes / samples.median();
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("bytes", bytes);
      row.put("samples", samples.count());
      row.put("median_ms", samples.median() * 1e3);
      row.put("low_ms", samples.low() * 1e3);
      row.put("high_ms", samples.high() * 1e3);
      row.put("read_and_written_gb_per_second", speed * 1e-9);
      rows.add("copy", row);
      return speed;
    }
  }

  private void layers(GpuPruning pruning) {
    List<Shape> layers = GpuModel.layers(small ? 256 : 1);
    for (DType dtype : List.of(DType.BF16, DType.F32)) {
      try (GpuModel model = new GpuModel(dtype, Input.GAUSSIAN, layers)) {
        pruning.onDevice(GpuPruning.Operation.TENSOR, model, Input.GAUSSIAN, true);
        pruning.asCalled(GpuPruning.Operation.TENSOR, model, true);
      }
    }
  }

  private void calls(GpuPruning pruning) {
    try (GpuModel model = new GpuModel(DType.F32, Input.GAUSSIAN, GpuModel.single(4096))) {
      for (GpuPruning.Operation operation : GpuPruning.Operation.ALL) {
        pruning.asCalled(operation, model, false);
      }
    }
  }

  /** Measures weights that fit the second-level cache, and a billion of them, of every kind. */
  private void sizes(GpuPruning pruning, DType dtype) {
    List<GpuPruning.Operation> operations =
        List.of(GpuPruning.Operation.GLOBAL, GpuPruning.Operation.TWO_OF_FOUR);
    long large = small ? 1_000_000 : 1_000_000_000;
    for (Input input : Input.values()) {
      try (GpuModel model = new GpuModel(dtype, input, GpuModel.single(large))) {
        for (GpuPruning.Operation operation : operations) {
          pruning.onDevice(operation, model, input, true);
        }
      }
    }
    long cached = small ? 1 << 16 : 4 << 20;
    try (GpuModel model = new GpuModel(dtype, Input.GAUSSIAN, GpuModel.single(cached))) {
      for (GpuPruning.Operation operation : operations) {
        pruning.onDevice(operation, model, Input.GAUSSIAN, true);
        pruning.onDevice(operation, model, Input.GAUSSIAN, false);
      }
    }
  }

  /**
   * Prunes so that somebody else can watch the kernels: {@code -Dcoppice.bench.dtype}, so often.
   */
  private void profile() {
    long weights = small ? 1 << 16 : 1_000_000_000;
    DType dtype = DType.valueOf(System.getProperty("coppice.bench.dtype", "BF16"));
    int times = Integer.getInteger("coppice.bench.times", 10);
    try (GpuDevice device = new GpuDevice();
        Pruner pruner = Pruner.builder().backend("cuda").build();
        GpuModel model = new GpuModel(dtype, Input.GAUSSIAN, GpuModel.single(weights))) {
      for (int i = 0; i < times; i++) {
        for (GpuPruning.Operation operation :
            List.of(GpuPruning.Operation.GLOBAL, GpuPruning.Operation.TWO_OF_FOUR)) {
          model.restore(device.stream());
          device.flush(1);
          device.await();
          pruner.prune(model.tensors(), PruningPlan.of(operation.rule()));
        }
      }
    }
  }

  private void files() throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("coppice-bench");
    try {
      new GpuFiles(folder, rows).run(GpuFiles.fitting(folder, small ? 4L << 20 : 8_000_000_000L));
    } finally {
      Files.delete(folder);
    }
  }
}
