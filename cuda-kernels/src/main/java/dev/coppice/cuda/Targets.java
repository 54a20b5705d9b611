package dev.coppice.cuda;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.Selection;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Weights;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * What belongs to weights on the device besides themselves: addresses, 0 for what there is not.
 *
 * @param pruned where the pruned weights go
 * @param scores what ranks the weights, an F32 for each
 * @param mask where the bits go that say which weights are kept, or that say it
 */
record Targets(long pruned, long scores, long mask) {
  /** Gives those of weights that begin at that address: themselves, unless they say otherwise. */
  static Targets of(Weights weights, long address) {
    return weights instanceof Aimed aimed ? aimed.targets() : new Targets(address, 0, 0);
  }

  /** A tensor on the device that has targets of its own. */
  record Aimed(Selection.Taken taken, Tensor tensor, Targets targets) implements Weights {
    @Override
    public String name() {
      return taken.tensor().name();
    }

    @Override
    public DType dtype() {
      return tensor.dtype();
    }

    @Override
    public Shape shape() {
      return tensor.shape();
    }

    @Override
    public Axes axes() {
      return taken.axes();
    }

    @Override
    public Optional<DeviceAddress> onDevice() {
      return tensor.onDevice();
    }

    @Override
    public void read(long first, ByteBuffer into) {
      throw unreachable();
    }

    @Override
    public void write(long first, ByteBuffer from) {
      throw unreachable();
    }

    private static IllegalStateException unreachable() {
      return new IllegalStateException("memory on a CUDA device has no buffers");
    }
  }
}
