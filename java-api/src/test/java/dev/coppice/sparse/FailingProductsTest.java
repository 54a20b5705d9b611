package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.DType;
import dev.coppice.DeviceException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.PruningCancelledException;
import dev.coppice.Tensor;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is left open where a product fails to be prepared. */
class FailingProductsTest {
  private static final Device CPU = Device.cpu(2);

  private final Tensor weights = LayerCase.sparse(new Random(1), DType.F32, 0.6, 32, 64);
  private final FakeBench bench =
      new FakeBench().with("blas", Long.MAX_VALUE, (f, b, n) -> 1e-3, Format.values());

  static Throwable[] failures() {
    return new Throwable[] {
      new DeviceException(719, "a kernel failed"),
      new IllegalStateException("the library is of another version"),
      new PruningCancelledException(),
      new OutOfMemoryError("Java heap space")
    };
  }

  /** A provider whose third product fails. */
  private record Failing(LinearProvider real, FakeBench bench, Throwable failure)
      implements LinearProvider {
    @Override
    public String name() {
      return real.name();
    }

    @Override
    public Availability availability(Device device) {
      return real.availability(device);
    }

    @Override
    public Set<Format> formats(Device device, DType dtype, long batch) {
      return real.formats(device, dtype, batch);
    }

    @Override
    public LinearOperator prepare(
        LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
      if (bench.openOperators < 2) {
        return real.prepare(weights, bias, device, mostBatch);
      }
      if (failure instanceof Error error) {
        throw error;
      }
      throw (RuntimeException) failure;
    }
  }

  private Optional<Contender> contender(Throwable failure) {
    RotatingWeights copies =
        RotatingWeights.of(Format.DENSE, weights, CPU, 5 * 32 * 64 * 4, 1L << 30);
    return Contender.of(new Failing(bench.providers.get(0), bench, failure), copies, CPU, 8);
  }

  @ParameterizedTest
  @MethodSource("failures")
  void whatWasPreparedBeforeAFailureIsClosed(Throwable failure) {
    assertThatThrownBy(() -> contender(failure)).isSameAs(failure);
    assertThat(bench.events).hasSize(2);
    assertThat(bench.openOperators).isZero();
  }

  @Test
  void whatCannotTakeTheWeightsTakesNoPart() {
    assertThat(contender(new IllegalArgumentException("too wide"))).isEmpty();
    assertThat(bench.openOperators).isZero();
  }

  @Test
  void whereTheMemoryEndsThereAreFewerCopies() {
    try (Contender fewer = contender(new DeviceOutOfMemoryException(2, 3000, 2000)).orElseThrow()) {
      assertThat(bench.openOperators).isEqualTo(2);
      assertThat(fewer.bytes()).isEqualTo(4 * 32 * 64);
    }
    assertThat(bench.openOperators).isZero();
  }
}
