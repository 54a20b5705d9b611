package dev.coppice.reference;

import dev.coppice.BackendContract;

class ReferenceBackendTest extends BackendContract {
  @Override
  protected String backend() {
    return "reference";
  }
}
