package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.coppice.Axes;
import dev.coppice.Criterion;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import dev.coppice.Pattern;
import dev.coppice.ProgressListener;
import dev.coppice.Shape;
import dev.coppice.spi.Backend;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class ConveyorTest {
  /** Weights of which the first batch takes long to write; the second cannot be written at all. */
  private static final class Unwritable implements Weights {
    @Override
    public String name() {
      return "w";
    }

    @Override
    public DType dtype() {
      return DType.F32;
    }

    @Override
    public Shape shape() {
      return Shape.of(16, 64);
    }

    @Override
    public Axes axes() {
      return new Axes(0, 1);
    }

    @Override
    public void read(long first, ByteBuffer into) {
      into.position(into.limit());
    }

    @Override
    public void write(long first, ByteBuffer from) throws IOException {
      if (first > 0) {
        throw new IOException("no space left");
      }
      try {
        TimeUnit.MILLISECONDS.sleep(500);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }

  @BeforeEach
  void bringTheWeightsUpInBatches() {
    System.setProperty("coppice.cuda.chunk", "256");
  }

  @AfterEach
  void allowAll() {
    System.clearProperty("coppice.cuda.chunk");
  }

  /** The third batch waits for the first: that it gives up must not hide why. */
  @Test
  void aFailedWriteIsThrownWhateverWaitsForAnother() throws IOException {
    WorkPool pool = new WorkPool(3);
    Execution execution = new Execution(pool, 3, 1 << 20, () -> false, ProgressListener.NONE);
    PruneTask task =
        new PruneTask(
            List.of(new Unwritable()),
            new Criterion.Magnitude(),
            new Pattern.NofM(2, 4),
            NanPolicy.REFUSE,
            0);
    try (Backend backend = new CudaProvider().create(0)) {
      assertThatIOException()
          .isThrownBy(() -> backend.prune(task, execution))
          .withMessage("no space left");
    } finally {
      pool.close();
    }
  }
}
