package dev.coppice.cuda;

import dev.coppice.sparse.Device;
import dev.coppice.spi.LinearProvider;
import java.util.ServiceLoader;

/** What {@link LibrariesProcessTest} runs in a process of its own: prints the availabilities. */
final class LibrariesProcess {
  private LibrariesProcess() {}

  public static void main(String[] arguments) {
    for (LinearProvider provider : ServiceLoader.load(LinearProvider.class)) {
      if (provider instanceof LibraryLinear<?>) {
        System.out.println(provider.name() + ": " + provider.availability(Device.cuda(0)));
      }
    }
  }
}
