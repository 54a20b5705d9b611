package dev.coppice.simd;

import dev.coppice.BackendContract;

class NativeBackendTest extends BackendContract {
  @Override
  protected String backend() {
    return "native";
  }
}
