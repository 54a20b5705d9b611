package dev.coppice.simd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.spi.Availability;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Has the kernels of one instruction set run in a test, which is skipped where there are none. */
record OnInstructionSet(InstructionSet set) implements BeforeEachCallback, AfterEachCallback {
  @Override
  public void beforeEach(ExtensionContext context) {
    LibraryPresence.require();
    assumeTrue(set.use(), () -> "this machine has no " + set.title());
  }

  @Override
  public void afterEach(ExtensionContext context) {
    if (new NativeProvider().availability() instanceof Availability.Usable) {
      assertThat(InstructionSet.best().use()).isTrue();
    }
  }
}
