package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.spi.DeviceAddress;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import org.junit.jupiter.api.Test;

class CudaTensorsTest {
  private static final long ADDRESS = 0x7000_0000_0100L;

  /** As JavaCPP's typed pointers are, but for their native library. */
  private static final class Floats extends org.bytedeco.javacpp.Pointer {
    Floats(long at, long first, long end) {
      address = at;
      position = first;
      limit = end;
    }

    @Override
    public int sizeof() {
      return Float.BYTES;
    }
  }

  /** A pointer that a driver filled. */
  private static CUdeviceptr filled() {
    return new CUdeviceptr().withByteOffset(ADDRESS);
  }

  @Test
  void aPointerOfJCudaIsItsAddressAndItsByteOffset() {
    Tensor tensor = CudaTensors.of(DType.F32, 2, new Filled().withByteOffset(64), 3, 5);
    assertThat(tensor.onDevice()).contains(new DeviceAddress(2, ADDRESS + 64));
    assertThat(tensor.shape().elements()).isEqualTo(15);
  }

  private static final class Filled extends CUdeviceptr {
    @Override
    protected long getNativePointer() {
      return ADDRESS;
    }
  }

  @Test
  void aRawAddressThatJCudaWrapsIsItsByteOffset() {
    assertThat(CudaTensors.of(DType.BF16, 0, filled(), 8).onDevice())
        .contains(new DeviceAddress(0, ADDRESS));
  }

  @Test
  void aPointerOfJavaCppIsItsAddressAndItsPosition() {
    assertThat(CudaTensors.ofJavaCpp(DType.F32, 1, new Floats(ADDRESS, 3, 0), 5).onDevice())
        .contains(new DeviceAddress(1, ADDRESS + 12));
    assertThat(CudaTensors.ofJavaCpp(DType.F32, 1, new Floats(ADDRESS, 3, 8), 5).onDevice())
        .contains(new DeviceAddress(1, ADDRESS + 12));
  }

  @Test
  void aTensorBeyondAPointersLimitIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CudaTensors.ofJavaCpp(DType.F32, 0, new Floats(ADDRESS, 3, 8), 6))
        .withMessageContaining("needs 24 bytes, the pointer has 20 from its position");
  }

  @Test
  void pointersIntoJavasMemoryAndNullAreRefused() {
    for (Pointer pointer :
        new Pointer[] {
          new CUdeviceptr(), new Pointer(), Pointer.to(new float[4]).withByteOffset(8)
        }) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> CudaTensors.of(DType.F32, 0, pointer, 4))
          .withMessageContaining("must be one into a device's");
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> CudaTensors.ofJavaCpp(DType.F32, 0, new Floats(0, 3, 0), 4))
        .withMessageContaining("other than 0");
  }
}
