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
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is left open where a product fails to be prepared, or to be closed. */
class FailingProductsTest {
  private static final Device CPU = Device.cpu(2);

  private final Tensor weights = LayerCase.sparse(new Random(1), DType.F32, 0.6, 32, 64);
  private final FakeBench bench =
      new FakeBench().with("blas", Long.MAX_VALUE, FailingProductsTest::seconds, Format.values());

  private static double seconds(Format format, long batch, int call) {
    return format == (batch == 1 ? Format.BITMAP : Format.DENSE) ? 1e-3 : 2e-3;
  }

  static Throwable[] failures() {
    return new Throwable[] {
      new DeviceException(719, "a kernel failed"),
      new IllegalStateException("the library is of another version"),
      new PruningCancelledException(),
      new OutOfMemoryError("Java heap space")
    };
  }

  /** A provider with other products than the real one. */
  private record Other(LinearProvider real, UnaryOperator<LinearOperator> product)
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
      return product.apply(real.prepare(weights, bias, device, mostBatch));
    }
  }

  /** Lets two products be made, and then none. */
  private LinearOperator third(LinearOperator made, Throwable failure) {
    if (bench.openOperators <= 2) {
      return made;
    }
    made.close();
    if (failure instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) failure;
  }

  private Optional<Contender> contender(Throwable failure) {
    RotatingWeights copies =
        RotatingWeights.of(Format.DENSE, weights, CPU, 5 * 32 * 64 * 4, 1L << 30);
    LinearProvider failing = new Other(bench.providers.get(0), made -> third(made, failure));
    return Contender.of(failing, copies, CPU, 8);
  }

  @ParameterizedTest
  @MethodSource("failures")
  void whatWasPreparedBeforeAFailureIsClosed(Throwable failure) {
    assertThatThrownBy(() -> contender(failure)).isSameAs(failure);
    assertThat(bench.events).hasSize(3);
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

  /** An operator that is closed and then says that it could not be. */
  private record Stuck(LinearOperator real) implements LinearOperator {
    @Override
    public void apply(Tensor x, Tensor y, OptionalLong stream) {
      real.apply(x, y, stream);
    }

    @Override
    public long bytes() {
      return real.bytes();
    }

    @Override
    public void close() {
      real.close();
      throw new DeviceException(700, "stuck");
    }
  }

  @Test
  void aLayerClosesAllProductsAlsoWhereOneFailsToBe() throws IOException {
    LinearPlan plan = planOfTwo();
    bench.providers.replaceAll(real -> new Other(real, Stuck::new));
    SparseLinear layer =
        SparseLinear.of(bench.products(), new Dense(weights), Optional.empty(), plan, 8);
    assertThat(bench.openOperators).isEqualTo(2);
    assertThatThrownBy(layer::close).hasMessageContaining("stuck");
    assertThat(bench.openOperators).isZero();
    layer.close();
  }

  @Test
  void aMeasurementClosesAllProductsAlsoWhereOneFailsToBe() {
    bench.providers.replaceAll(real -> new Other(real, Stuck::new));
    assertThatThrownBy(this::planOfTwo)
        .hasMessageContaining("stuck")
        .satisfies(e -> assertThat(e.getSuppressed()).isNotEmpty());
    assertThat(bench.openOperators).isZero();
  }

  /** Plans what is fastest as bitmap for one row, and densely for eight. */
  private LinearPlan planOfTwo() throws IOException {
    return bench
        .planner()
        .batches(List.of(1L, 8L))
        .build()
        .plan(List.of(new Planner.Layer("a", () -> weights)));
  }
}
