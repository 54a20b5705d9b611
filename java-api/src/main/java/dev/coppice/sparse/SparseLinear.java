package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import dev.coppice.spi.Closing;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A linear layer that runs: y = x W^T + b, by the product that a plan has chosen for each batch.
 *
 * <p>Weights are held once in each format that is used. Safe for use by several threads, which take
 * turns. Whoever makes it closes it; the weights and the bias stay unchanged until then.
 */
public final class SparseLinear implements AutoCloseable {
  private static final String LAYER = "layer";

  /** A product: who computes it, in which format. */
  private record Product(LinearProvider provider, Format format) {
    @Override
    public String toString() {
      return provider.name() + " " + format.title();
    }
  }

  private final Products products;
  private final LinearWeights given;
  private final Optional<Tensor> bias;
  private final LinearPlan plan;
  private final long mostBatch;
  private final Map<Format, LinearWeights> held = new EnumMap<>(Format.class);
  private final Map<Product, LinearOperator> operators = new LinkedHashMap<>();
  private boolean closed;

  private SparseLinear(
      Products products,
      LinearWeights weights,
      Optional<Tensor> bias,
      LinearPlan plan,
      long mostBatch) {
    this.products = products;
    this.given = weights;
    this.bias = bias;
    this.plan = plan;
    this.mostBatch = mostBatch;
    held.put(weights.format(), weights);
  }

  /**
   * Makes a layer that computes with the weights as they are, whatever the batch; nothing is
   * measured.
   *
   * @param bias [out], of the weights' type, on the host or the device
   * @param mostBatch the most rows that x will have
   * @throws dev.coppice.BackendUnavailableException if nothing computes with that format there
   */
  public static SparseLinear of(
      LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
    LinearPlan none = new LinearPlan(device.toString(), "", List.of());
    return make(Products.of(device), weights, bias, none, mostBatch);
  }

  /**
   * Makes a layer that computes on the plan's device as it was chosen for the batch that is nearest
   * to that of x; where that product is not here, by the fastest that was measured and is; densely,
   * where it does not take so many rows. Weights are compressed here into the formats that are
   * used.
   *
   * @param bias [out], of the weights' type, on the host or the device
   * @param plan of this layer alone, see {@link LinearPlan#only}
   * @param mostBatch the most rows that x will have
   * @throws IllegalArgumentException if the plan is of another layer, or was measured on another
   *     device
   * @throws dev.coppice.BackendUnavailableException if none of the products that were measured for
   *     a batch is here, in the same version
   */
  public static SparseLinear of(
      LinearWeights weights, Optional<Tensor> bias, LinearPlan plan, long mostBatch) {
    return of(Products.of(Device.named(plan.device())), weights, bias, plan, mostBatch);
  }

  static SparseLinear of(
      Products products,
      LinearWeights weights,
      Optional<Tensor> bias,
      LinearPlan plan,
      long mostBatch) {
    if (plan.layers().size() != 1) {
      throw new IllegalArgumentException(
          "the plan must be of one layer, not of %d: take LinearPlan.only of its name"
              .formatted(plan.layers().size()));
    }
    for (LinearPlan.Row row : plan.rows()) {
      if (row.out() != weights.out()
          || row.in() != weights.in()
          || row.dtype() != weights.dtype()) {
        throw new IllegalArgumentException(
            "the plan is of weights [%d, %d] of %s, not [%d, %d] of %s"
                .formatted(
                    row.out(),
                    row.in(),
                    row.dtype(),
                    weights.out(),
                    weights.in(),
                    weights.dtype()));
      }
    }
    products.requireDeviceOf(plan);
    return make(products, weights, bias, plan, mostBatch);
  }

  private static SparseLinear make(
      Products products,
      LinearWeights weights,
      Optional<Tensor> bias,
      LinearPlan plan,
      long mostBatch) {
    if (mostBatch < 1) {
      throw new IllegalArgumentException("a batch must be 1 or more, not " + mostBatch);
    }
    bias.ifPresent(b -> check("bias", b, weights.dtype(), Shape.of(weights.out())));
    SparseLinear layer = new SparseLinear(products, weights, bias, plan, mostBatch);
    try {
      layer.operator(mostBatch);
      plan.rows().stream()
          .mapToLong(LinearPlan.Row::batch)
          .filter(batch -> batch < mostBatch)
          .distinct()
          .forEach(layer::operator);
      return layer;
    } catch (RuntimeException | Error e) {
      try (layer) {
        throw e;
      }
    }
  }

  /**
   * Measures all products of some weights on a device and says which is the fastest for each batch:
   * the plan of one layer, called {@code layer}. Takes some seconds; see {@link Planner} for whole
   * models, for progress and to keep what was measured.
   *
   * @param weights [out, in], on the host
   */
  public static LinearPlan plan(Tensor weights, List<Long> batches, Device device) {
    try {
      return Planner.on(device)
          .batches(batches)
          .build()
          .plan(List.of(new Planner.Layer(LAYER, () -> weights)));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Nothing here reads a file.
    }
  }

  /**
   * Computes y = x W^T + b, and waits for it.
   *
   * @param x [batch, in], of the weights' type, where the layer runs; no batch above what was said
   * @param y [batch, out], overwritten; apart from x
   * @throws IllegalArgumentException if they are not
   * @throws IllegalStateException if the layer is closed
   */
  public void apply(Tensor x, Tensor y) {
    apply(x, y, OptionalLong.empty());
  }

  /**
   * Puts that into a stream of the device, and does not wait for it.
   *
   * @param stream the stream's handle
   */
  public void apply(Tensor x, Tensor y, long stream) {
    apply(x, y, OptionalLong.of(stream));
  }

  private synchronized void apply(Tensor x, Tensor y, OptionalLong stream) {
    if (closed) {
      throw new IllegalStateException("the layer is closed");
    }
    long batch = x.shape().rank() == 2 ? x.shape().dimension(0) : mostBatch;
    check("x", x, given.dtype(), Shape.of(batch, given.in()));
    check("y", y, given.dtype(), Shape.of(batch, given.out()));
    if (batch > mostBatch) {
      throw new IllegalArgumentException(
          "x must have %d rows at most, as was said, not %d".formatted(mostBatch, batch));
    }
    requireHere("x", x);
    requireHere("y", y);
    if (x.overlaps(y)) {
      throw new IllegalArgumentException("x and y must not share memory");
    }
    if (batch > 0) {
      operator(batch).apply(x, y, stream);
    }
  }

  private static void check(String name, Tensor tensor, DType dtype, Shape shape) {
    if (tensor.dtype() != dtype || !tensor.shape().equals(shape)) {
      throw new IllegalArgumentException(
          "%s must be %s of %s, not %s of %s"
              .formatted(name, shape, dtype, tensor.shape(), tensor.dtype()));
    }
  }

  private void requireHere(String name, Tensor tensor) {
    Optional<Integer> wanted =
        products.device() instanceof Device.Cuda cuda
            ? Optional.of(cuda.ordinal())
            : Optional.empty();
    Optional<Integer> found = tensor.onDevice().map(DeviceAddress::device);
    if (!wanted.equals(found)) {
      throw new IllegalArgumentException(
          "%s must be in memory of %s, not of %s".formatted(name, place(wanted), place(found)));
    }
  }

  private static String place(Optional<Integer> ordinal) {
    return ordinal.map(number -> "CUDA device " + number).orElse("the host");
  }

  /** Gives the product for a batch, made when it is first needed. */
  private LinearOperator operator(long batch) {
    Product product = product(batch);
    LinearOperator made = operators.get(product);
    if (made == null) {
      made = product.provider.prepare(weights(product.format), bias, products.device(), mostBatch);
      operators.put(product, made);
    }
    return made;
  }

  private LinearWeights weights(Format format) {
    LinearWeights weights = held.get(format);
    if (weights == null) {
      weights = LinearWeights.compress(format, given.decompress());
      held.put(format, weights);
    }
    return weights;
  }

  private Product product(long batch) {
    Optional<LinearPlan.Row> choice =
        plan.layers().stream().findFirst().flatMap(layer -> plan.choice(layer, batch));
    if (choice.isEmpty()) {
      return any(given.format(), batch);
    }
    Product planned = planned(choice.get());
    Set<Format> formats = planned.provider.formats(products.device(), given.dtype(), batch);
    return formats.contains(planned.format) ? planned : any(Format.DENSE, batch);
  }

  /** Gives what was chosen; where that is not here, the fastest that was measured and is. */
  private Product planned(LinearPlan.Row choice) {
    List<LinearPlan.Row> here =
        plan.rows().stream()
            .filter(row -> row.batch() == choice.batch())
            .filter(row -> products.as(plan.key(), row).isPresent())
            .toList();
    LinearPlan.Row row =
        here.contains(choice)
            ? choice
            : here.stream()
                .min(Comparator.comparingDouble(LinearPlan.Row::seconds))
                .orElseThrow(() -> products.noneOf(choice));
    return new Product(products.as(plan.key(), row).orElseThrow(), row.format());
  }

  private Product any(Format format, long batch) {
    return products.having(format, given.dtype(), batch).stream()
        .findFirst()
        .map(provider -> new Product(provider, format))
        .orElseThrow(() -> products.none(format, given.dtype(), batch));
  }

  /** Gives the bytes of weights that a product with so many rows reads. */
  public synchronized long bytes(long batch) {
    if (closed) {
      throw new IllegalStateException("the layer is closed");
    }
    return operator(batch).bytes();
  }

  /** Says which products it has prepared. */
  @Override
  public synchronized String toString() {
    return "[%d, %d] of %s on %s by %s"
        .formatted(
            given.out(),
            given.in(),
            given.dtype(),
            products.device(),
            operators.keySet().stream().map(Product::toString).collect(Collectors.joining(", ")));
  }

  /** Frees what it holds; idempotent. */
  @Override
  public synchronized void close() {
    closed = true;
    List<Runnable> closes =
        operators.values().stream().<Runnable>map(operator -> operator::close).toList();
    operators.clear();
    held.clear();
    Closing.all(closes);
  }
}
