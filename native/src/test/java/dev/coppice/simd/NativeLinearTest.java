package dev.coppice.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.sparse.LinearContract;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearProvider;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;

/** The contract of products on the kernels of every instruction set that this machine has. */
class NativeLinearTest {
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

  abstract static class Variant extends LinearContract {
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
    protected LinearProvider provider() {
      return new NativeLinear();
    }
  }
}
