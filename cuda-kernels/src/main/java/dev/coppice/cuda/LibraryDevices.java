package dev.coppice.cuda;

import dev.coppice.spi.Closing;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * The devices on which a library is open: its handle holds workspaces of tens of megabytes, so that
 * all products of a device share one. Opened for the first, closed by the last. Safe for use by
 * several threads.
 */
final class LibraryDevices<H extends LibraryHandle> {
  /**
   * A device and the library there. Calls of the library are made with this locked.
   *
   * @param <H> the library's handle
   */
  static final class Opened<H extends LibraryHandle> {
    private final CudaDevice device;
    private final H library;
    private int users;

    private Opened(CudaDevice device, H library) {
      this.device = device;
      this.library = library;
    }

    CudaDevice device() {
      return device;
    }

    H library() {
      return library;
    }
  }

  private final Function<CudaContext, H> open;
  private final Map<Integer, Opened<H>> opened = new HashMap<>();

  /**
   * @param open opens the library, with the context current
   */
  LibraryDevices(Function<CudaContext, H> open) {
    this.open = open;
  }

  /** Opens the library on a device, unless it is open there. */
  synchronized Opened<H> borrow(int ordinal) {
    Opened<H> there = opened.get(ordinal);
    if (there == null) {
      there = open(ordinal);
      opened.put(ordinal, there);
    }
    there.users++;
    return there;
  }

  private Opened<H> open(int ordinal) {
    CudaDevice device = CudaDevice.open(ordinal);
    try {
      return new Opened<>(device, device.context().call(() -> open.apply(device.context())));
    } catch (RuntimeException e) {
      try (device) {
        throw e;
      }
    }
  }

  /** Closes the library and the device if nobody else uses them. */
  synchronized void giveBack(Opened<H> there) {
    there.users--;
    if (there.users == 0) {
      opened.remove(there.device.context().ordinal());
      Closing.all(
          List.of(() -> there.device.context().run(there.library::close), there.device::close));
    }
  }
}
