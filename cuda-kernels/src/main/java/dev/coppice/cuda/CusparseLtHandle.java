package dev.coppice.cuda;

/** A handle of cuSPARSELt. */
final class CusparseLtHandle implements LibraryHandle {
  private final long address;
  private final Handle owned;

  /** Opens the library in the current context. */
  CusparseLtHandle(CudaContext context) {
    long[] made = new long[1];
    CusparseLt.run(() -> CusparseLt.open(made));
    long session = made[0];
    this.address = session;
    this.owned =
        new Handle(
            this,
            "cuSPARSELt handle",
            () -> context.run(() -> CusparseLt.run(() -> CusparseLt.close(session))));
  }

  long address() {
    return address;
  }

  /**
   * Gives the version for people.
   *
   * @throws dev.coppice.BackendUnavailableException if it is not one that is known
   */
  String version() {
    int[] version = new int[1];
    CusparseLt.run(() -> CusparseLt.version(address, version));
    return CusparseLt.checked(version[0]);
  }

  @Override
  public void close() {
    owned.close();
  }
}
