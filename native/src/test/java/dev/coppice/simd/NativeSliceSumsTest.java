package dev.coppice.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.SliceSumsContract;
import dev.coppice.spi.SlicedBackend;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;

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
    private final InstructionSet set;

    Variant(InstructionSet set) {
      this.set = set;
    }

    @BeforeEach
    void useTheInstructionSet() {
      LibraryPresence.require();
      assumeTrue(set.use(), () -> "this machine has no " + set.title());
    }

    @AfterEach
    void useTheBestAgain() {
      if (new NativeProvider().availability() instanceof Availability.Usable) {
        assertThat(InstructionSet.best().use()).isTrue();
      }
    }

    @Override
    protected Backend open() {
      return new SlicedBackend("native", new NativeKernels());
    }
  }
}
