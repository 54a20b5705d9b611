package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.Tensor;
import dev.coppice.spi.Closing;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeMap;

/** One product of a layer that is being measured, on copies of the weights in turn. */
final class Contender implements AutoCloseable {
  private static final double SAMPLE_SECONDS = 2e-3;
  private static final int MOST_CALLS = 200;

  private final LinearProvider provider;
  private final RotatingWeights weights;
  private final List<LinearOperator> operators;
  private final TreeMap<Long, Double> known = new TreeMap<>();

  private Contender(
      LinearProvider provider, RotatingWeights weights, List<LinearOperator> operators) {
    this.provider = provider;
    this.weights = weights;
    this.operators = operators;
  }

  /** Prepares a product of each copy; nothing if it cannot take them, or has not the memory. */
  static Optional<Contender> of(
      LinearProvider provider, RotatingWeights weights, Device device, long mostBatch) {
    List<LinearOperator> operators = new ArrayList<>();
    Contender contender = new Contender(provider, weights, operators);
    try {
      for (LinearWeights copy : weights.copies()) {
        operators.add(provider.prepare(copy, Optional.empty(), device, mostBatch));
      }
    } catch (IllegalArgumentException e) {
      contender.close();
      return Optional.empty();
    } catch (DeviceOutOfMemoryException e) {
      // Fewer copies than wanted: they do, if there is one.
    } catch (RuntimeException | Error e) {
      try (contender) {
        throw e;
      }
    }
    return operators.isEmpty() ? Optional.empty() : Optional.of(contender);
  }

  String provider() {
    return provider.name();
  }

  Format format() {
    return weights.format();
  }

  boolean isDense() {
    return format() == Format.DENSE;
  }

  boolean takes(Device device, DType dtype, long batch) {
    return provider.formats(device, dtype, batch).contains(format());
  }

  long bytes() {
    return operators.get(0).bytes();
  }

  /**
   * Gives the seconds that a product takes at most, by a smaller batch; nothing if none is known.
   */
  OptionalDouble expected(long batch) {
    Map.Entry<Long, Double> smaller = known.floorEntry(batch);
    return smaller == null
        ? OptionalDouble.empty()
        : OptionalDouble.of(smaller.getValue() * batch / smaller.getKey());
  }

  /** Whether a product takes no longer than that, as far as is known. */
  boolean fits(long batch, double seconds) {
    return expected(batch).orElse(0) <= seconds;
  }

  /** Calls the product once, and again if that is quick: the first call is often slower. */
  void warmUp(LinearBench bench, Tensor x, Tensor y) {
    double first = seconds(bench, x, y, 1);
    double second = first < 50 * SAMPLE_SECONDS ? seconds(bench, x, y, 2) : first;
    known.put(x.shape().dimension(0), Math.min(first, second));
  }

  /** Gives how many products a sample takes. */
  int calls(long batch) {
    double each = Math.max(1e-9, expected(batch).orElse(SAMPLE_SECONDS));
    return (int) Math.max(1, Math.min(MOST_CALLS, Math.ceil(SAMPLE_SECONDS / each)));
  }

  /** Gives the seconds of one product, the mean over so many. */
  double seconds(LinearBench bench, Tensor x, Tensor y, int calls) {
    OptionalLong stream = bench.stream();
    double all =
        bench.seconds(
            () -> {
              for (int i = 0; i < calls; i++) {
                operators.get(weights.next() % operators.size()).apply(x, y, stream);
              }
            });
    return all / calls;
  }

  /** Remembers what was measured. */
  void know(long batch, double seconds) {
    known.put(batch, seconds);
  }

  @Override
  public void close() {
    Closing.all(operators.stream().<Runnable>map(operator -> operator::close).toList());
  }
}
