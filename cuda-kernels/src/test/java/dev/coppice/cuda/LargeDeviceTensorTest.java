package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.Pattern;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.function.LongPredicate;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * More weights than 32 bits count, all of them ties: every rank and index is seen in the result.
 */
@Tag("long")
@ExtendWith(EmulatedDriver.class)
class LargeDeviceTensorTest {
  private static final long ROWS = (1 << 20) + 1;
  private static final long ROW = 1 << 12;
  private static final long ELEMENTS = ROWS * ROW;
  private static final int KEPT = 3996;

  @Test
  void ofAllTogetherTheFirstStay() {
    Pattern pattern = new Pattern.Unstructured(Scope.TENSOR, new Amount.Count(ELEMENTS - KEPT));
    prune(pattern, ELEMENTS - KEPT, i -> i < KEPT);
  }

  @Test
  void ofEachGroupTheFirstStay() {
    prune(new Pattern.NofM(2, 4), ELEMENTS / 2, i -> i % 4 < 2);
  }

  private static void prune(Pattern pattern, long pruned, LongPredicate stays) {
    EmulatedDriver.setMemory(0, 10L << 30);
    try (CudaContext context = CudaContext.open(0)) {
      context.run(() -> pruneTies(pattern, pruned, stays));
    }
  }

  private static void pruneTies(Pattern pattern, long pruned, LongPredicate stays) {
    Address address = new Address();
    CudaResult.run("cuMemAlloc", () -> JCudaDriver.cuMemAlloc(address, 2 * ELEMENTS));
    CudaResult.run("cuMemsetD8", () -> JCudaDriver.cuMemsetD8(address, (byte) 0x3C, 2 * ELEMENTS));
    CudaResult.run("cuCtxSynchronize", JCudaDriver::cuCtxSynchronize);
    Tensor tensor = Tensor.ofDevice(DType.BF16, 0, address.value(), address, ROWS, ROW);
    try (Pruner pruner = Pruner.builder().backend("cuda").build()) {
      assertThat(pruner.prune(tensor, PruningPlan.of(Rule.of(pattern))).pruned()).isEqualTo(pruned);
    }
    for (long first : new long[] {0, (1L << 31) - 4096, (1L << 32) - 4096, ELEMENTS - 8192}) {
      ByteBuffer read = read(address, first);
      for (int i = 0; i < 8192; i++) {
        assertThat(read.getShort(2 * i))
            .as("weight %d", first + i)
            .isEqualTo((short) (stays.test(first + i) ? 0x3C3C : 0));
      }
    }
    CudaResult.run("cuMemFree", () -> JCudaDriver.cuMemFree(address));
  }

  private static ByteBuffer read(CUdeviceptr from, long first) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(2 * 8192);
    CUdeviceptr at = from.withByteOffset(2 * first);
    CudaResult.run(
        "cuMemcpyDtoH", () -> JCudaDriver.cuMemcpyDtoH(jcuda.Pointer.to(bytes), at, 2 * 8192));
    return bytes;
  }

  private static final class Address extends CUdeviceptr {
    long value() {
      return getNativePointer();
    }
  }
}
