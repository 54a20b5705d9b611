package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.coppice.DType;
import dev.coppice.DeviceException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.spi.Histogram;
import dev.coppice.spi.Ranking;
import dev.coppice.spi.Slice;
import dev.coppice.spi.Window;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class DeviceFaultsTest {
  private static final int OUT_OF_MEMORY = 2;
  private static final int UNKNOWN = 999;

  /** The calls without which something stays alive. */
  private static final Pattern GIVING_BACK =
      Pattern.compile("Free|Destroy|Unload|Release|PushCurrent|PopCurrent");

  @Test
  void everyFailedAllocationIsAnExceptionThatSaysWhatWasAskedAndTheNextCallSucceeds() {
    int failures = 0;
    for (int n = 1; failures == n - 1; n++) {
      try (CudaKernels kernels = CudaKernels.open(0)) {
        EmulatedDriver.fail("cuMemAlloc", n, OUT_OF_MEMORY);
        try {
          count(kernels, 1000);
        } catch (DeviceOutOfMemoryException e) {
          failures++;
          assertThat(e.bytesAsked()).isPositive();
          assertThat(e.bytesFree()).isGreaterThan(1 << 20);
          assertThat(EmulatedDriver.liveAllocations()).isZero();
        }
        count(kernels, 1000);
      }
    }
    assertThat(failures).isEqualTo(2);
  }

  @Test
  void aSliceLargerThanTheDevicesMemoryIsRefusedAndSmallerOnesAreCounted() {
    EmulatedDriver.setMemory(1 << 20);
    try (CudaKernels kernels = CudaKernels.open(0)) {
      assertThatExceptionOfType(DeviceOutOfMemoryException.class)
          .isThrownBy(() -> count(kernels, 1 << 20))
          .withMessageContaining("4,194,304 bytes asked")
          .satisfies(e -> assertThat(e.bytesFree()).isEqualTo(1 << 20));
      count(kernels, 1000);
    }
  }

  @Test
  void anErrorOfAnyCallIsAnExceptionAndLeavesNothingBehindButWhatCouldNotBeGivenBack() {
    long calls = callsOfOneCount();
    Set<String> failed = new TreeSet<>();
    for (int n = 1; n <= calls; n++) {
      EmulatedDriver.reset();
      EmulatedDriver.fail("*", n, UNKNOWN);
      assertThatExceptionOfType(DeviceException.class)
          .as("call %d of %d", n, calls)
          .isThrownBy(DeviceFaultsTest::openAndCount)
          .withMessageContaining("failed: CUDA_ERROR_UNKNOWN")
          .satisfies(
              e -> {
                String message = String.valueOf(e.getMessage());
                failed.add(message.split(" ", 2)[0]);
                assertThat(EmulatedDriver.liveAllocations() + EmulatedDriver.liveHandles())
                    .as(message)
                    .isLessThanOrEqualTo(GIVING_BACK.matcher(message).find() ? 1 : 0);
              });
    }
    EmulatedDriver.reset();
    assertThat(failed)
        .contains("cuInit", "cuMemAlloc", "cuLaunchKernel", "cuMemFree", "cuCtxPopCurrent")
        .hasSizeGreaterThan(15);
  }

  private static long callsOfOneCount() {
    openAndCount();
    return EmulatedDriver.calls("*");
  }

  private static void openAndCount() {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      count(kernels, 1000);
    }
  }

  @Test
  void aSecondCountOnTheSameThreadAllocatesNothing() {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      count(kernels, 1000);
      long before = EmulatedDriver.calls("cuMemAlloc");
      count(kernels, 1000);
      count(kernels, 10);
      assertThat(EmulatedDriver.calls("cuMemAlloc")).isEqualTo(before);
      assertThat(EmulatedDriver.calls("cuLaunchKernel")).isEqualTo(3);
    }
  }

  @Test
  void theCallersContextIsCurrentAgainAfterEachCall() {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      CUcontext callers = new CUcontext();
      CudaResult.check(
          JCudaDriver.cuDevicePrimaryCtxRetain(callers, new CUdevice()),
          "cuDevicePrimaryCtxRetain");
      assertThat(current()).isEqualTo(new CUcontext());
      CudaResult.check(JCudaDriver.cuCtxSetCurrent(callers), "cuCtxSetCurrent");
      count(kernels, 1000);
      assertThat(current()).isEqualTo(callers);
      CudaResult.check(JCudaDriver.cuCtxSetCurrent(new CUcontext()), "cuCtxSetCurrent");
      CudaResult.check(
          JCudaDriver.cuDevicePrimaryCtxRelease(new CUdevice()), "cuDevicePrimaryCtxRelease");
    }
  }

  private static CUcontext current() {
    CUcontext context = new CUcontext();
    CudaResult.check(JCudaDriver.cuCtxGetCurrent(context), "cuCtxGetCurrent");
    return context;
  }

  @Test
  void closeTwiceIsCloseAndUseAfterItIsRefused() {
    CudaKernels kernels = CudaKernels.open(0);
    count(kernels, 10);
    kernels.close();
    kernels.close();
    assertThatIllegalStateException().isThrownBy(() -> count(kernels, 10));
  }

  @Test
  void memoryThatItsOwnerForgotIsFreedByTheCleaner() {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      kernels.context().run(() -> forget(new DeviceMemory(kernels.context(), 1000)));
      assertThat(EmulatedDriver.liveAllocations()).isEqualTo(1);
      for (int i = 0; i < 1000 && EmulatedDriver.liveAllocations() > 0; i++) {
        System.gc();
      }
      assertThat(EmulatedDriver.liveAllocations()).isZero();
    }
  }

  private static void forget(DeviceMemory memory) {
    assertThat(memory.bytes()).isEqualTo(1000);
  }

  @Test
  void deviceMemoryIsNotUsedAfterItWasClosedNorOutsideItsBounds() {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      kernels
          .context()
          .run(
              () -> {
                CUstream none = new CUstream();
                DeviceMemory memory = new DeviceMemory(kernels.context(), 100);
                memory.fill(1, 0, 100, none);
                assertThatIllegalStateException().isThrownBy(() -> memory.fill(1, 1, 100, none));
                memory.close();
                memory.close();
                assertThatIllegalStateException().isThrownBy(() -> memory.fill(1, 0, 1, none));
                assertThatIllegalStateException().isThrownBy(memory::address);
              });
    }
  }

  static void count(CudaKernels kernels, int size) {
    ByteBuffer data = ByteBuffer.allocateDirect(4 * size).order(ByteOrder.LITTLE_ENDIAN);
    Histogram histogram = new Histogram();
    Slice slice = new Slice(data, DType.F32, new Ranking.Magnitude(), 0, 1, size, size);
    kernels.histogram(slice, new Window(0, 16, 1 << 15), histogram);
    assertThat(histogram.counts().get(0)).isEqualTo(size);
  }
}
