package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearContract;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The contract of products, with operands on the first device. */
abstract class LibraryContract extends LinearContract {
  private @Nullable DeviceArrays arrays;

  @BeforeEach
  void openDevice() {
    arrays = new DeviceArrays();
  }

  @AfterEach
  void freeOperands() {
    if (arrays != null) {
      arrays.close();
    }
  }

  @Override
  protected Device device() {
    return Device.cuda(0);
  }

  @Override
  protected Tensor there(Tensor host) {
    return onDevice(Objects.requireNonNull(arrays), host);
  }

  @Override
  protected void fetch(Tensor there, Tensor host) {
    host.write(0, read(Objects.requireNonNull(arrays), there));
  }

  /** Gives a copy on the device. */
  static Tensor onDevice(DeviceArrays arrays, Tensor host) {
    ByteBuffer bytes = LayerCase.bytes(host);
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.capacity()).put(bytes.duplicate()).clear();
    DType dtype = host.dtype();
    long[] shape = new long[host.shape().rank()];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = host.shape().dimension(i);
    }
    return arrays.tensor(dtype, direct, shape);
  }

  /** Gives the bytes of a tensor on the device. */
  static ByteBuffer read(DeviceArrays arrays, Tensor there) {
    int bytes = (int) there.shape().elements() * there.dtype().bytes();
    return arrays.read(there.onDevice().orElseThrow().address(), bytes);
  }
}
