package dev.coppice.simd;

import dev.coppice.spi.Backend;
import dev.coppice.spi.SliceSumsContract;
import dev.coppice.spi.SlicedBackend;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The sums of every instruction set that this machine has. */
class NativeSliceSumsTest {
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

  abstract static class Variant extends SliceSumsContract {
    @RegisterExtension final OnInstructionSet set;

    Variant(InstructionSet set) {
      this.set = new OnInstructionSet(set);
    }

    @Override
    protected Backend open() {
      return new SlicedBackend("native", new NativeKernels());
    }
  }
}
