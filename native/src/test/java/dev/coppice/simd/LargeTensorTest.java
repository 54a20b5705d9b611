package dev.coppice.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.lang.management.ManagementFactory;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.ShortPointer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tensors of more bytes and more elements than an int counts, at a raw address. */
class LargeTensorTest {
  private static final long MANY = (1L << 31) + 4096;

  @BeforeEach
  void requireTheLibrary() {
    LibraryPresence.require();
  }

  @Test
  void aTensorOfMoreThanTwoToThe31ElementsIsPrunedToTheLastOne() {
    assumeTrue(memoryBytes() > 12L << 30, "the machine has less than 12 GiB of memory");
    Pointer memory = Pointer.malloc(2 * MANY);
    try {
      ShortPointer weights = new ShortPointer(memory);
      long[] small = {1, (1L << 31) - 1, 1L << 31, MANY - 1};
      Pointer.memset(memory, 0x3F, 2 * MANY);
      for (long i : small) {
        weights.put(i, (short) 1);
      }
      try (Pruner pruner = Pruner.builder().backend("native").build()) {
        PruningReport report =
            pruner.prune(
                Tensor.ofAddress(DType.BF16, memory.address(), memory, 4096, MANY / 4096),
                PruningPlan.of(Rule.unstructured((small.length + 2.0) / MANY, Scope.GLOBAL)));
        assertThat(report.pruned()).isEqualTo(small.length + 2);
        assertThat(report.zeros()).isEqualTo(small.length + 2);
      }
      for (long i : small) {
        assertThat(weights.get(i)).as("weight %d", i).isZero();
      }
      // Of the equal ones the last two went.
      assertThat(weights.get(MANY - 2)).isZero();
      assertThat(weights.get(MANY - 3)).isZero();
      assertThat(weights.get(MANY - 4)).isEqualTo((short) 0x3F3F);
      assertThat(weights.get(0)).isEqualTo((short) 0x3F3F);
    } finally {
      Pointer.free(memory);
    }
  }

  private static long memoryBytes() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
        .getTotalMemorySize();
  }
}
