package dev.coppice.simd;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.spi.Availability;

/** Skips tests where the library was not built; {@code -Dcoppice.require=native} fails them. */
final class LibraryPresence {
  private LibraryPresence() {}

  static void require() {
    if (new NativeProvider().availability() instanceof Availability.Unusable unusable) {
      if (System.getProperty("coppice.require", "").contains("native")) {
        fail(unusable.reason());
      }
      assumeTrue(false, unusable.reason());
    }
  }
}
