package dev.coppice.simd;

import dev.coppice.spi.SliceKernels;
import dev.coppice.spi.SliceKernelsContract;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The contract on the kernels of every instruction set that this machine has. */
class NativeKernelsTest {
  @Nested
  class Baseline extends Variant {
    Baseline() {
      super(InstructionSet.BASELINE);
    }
  }

  @Nested
  class Avx2 extends Variant {
    Avx2() {
      super(InstructionSet.AVX2);
    }
  }

  @Nested
  class Avx512 extends Variant {
    Avx512() {
      super(InstructionSet.AVX512);
    }
  }

  abstract static class Variant extends SliceKernelsContract {
    @RegisterExtension final OnInstructionSet set;

    Variant(InstructionSet set) {
      this.set = new OnInstructionSet(set);
    }

    @Override
    protected SliceKernels kernels() {
      return new NativeKernels();
    }
  }
}
