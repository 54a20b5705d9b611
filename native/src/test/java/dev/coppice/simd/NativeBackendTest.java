package dev.coppice.simd;

import dev.coppice.BackendContract;
import org.junit.jupiter.api.BeforeEach;

class NativeBackendTest extends BackendContract {
  @BeforeEach
  void requireTheLibrary() {
    LibraryPresence.require();
  }

  @Override
  protected String backend() {
    return "native";
  }
}
