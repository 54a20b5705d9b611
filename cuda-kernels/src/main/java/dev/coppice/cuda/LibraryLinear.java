package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** What the providers of NVIDIA's libraries have in common. */
abstract class LibraryLinear<H extends LibraryHandle> implements LinearProvider {
  private final String name;
  private final LibraryDevices<H> devices;
  private final Map<Device, Availability> known = new HashMap<>();

  LibraryLinear(String name) {
    this.name = name;
    this.devices = new LibraryDevices<>(this::open);
  }

  /**
   * Loads the library and what binds it to Java.
   *
   * @throws BackendUnavailableException if that is not to be had, with what is missing and how to
   *     add it, in one line
   */
  abstract void require();

  /** Opens the library in a context, which is current. */
  abstract H open(CudaContext context);

  /**
   * Gives the library's name and version, and what binds it; with the context current.
   *
   * @throws BackendUnavailableException if it is a version that cannot be used
   */
  abstract String describe(H library);

  /**
   * Moves weights to the device, which is current.
   *
   * @throws IllegalArgumentException if it cannot take them
   */
  abstract LibraryProduct product(
      LibraryHoldings<H> held, LinearWeights weights, long mostBatch, CudaStream stream);

  @Override
  public final String name() {
    return name;
  }

  @Override
  public final Availability availability(Device device) {
    if (!(device instanceof Device.Cuda cuda)) {
      return new Availability.Unusable(name + " runs on CUDA devices alone");
    }
    String lost = CudaResult.lost();
    if (lost != null) {
      return new Availability.Unusable(lost);
    }
    synchronized (known) {
      return known.computeIfAbsent(device, d -> Probe.of(() -> describe(cuda.ordinal())));
    }
  }

  private String describe(int ordinal) {
    String device = CudaContext.describe(ordinal);
    require();
    LibraryDevices.Opened<H> opened = devices.borrow(ordinal);
    try {
      return opened.device().context().call(() -> describe(opened.library())) + " on " + device;
    } finally {
      devices.giveBack(opened);
    }
  }

  @Override
  public final LinearOperator prepare(
      LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
    if (availability(device) instanceof Availability.Unusable unusable) {
      throw new BackendUnavailableException(unusable.reason());
    }
    if (weights.out() > Integer.MAX_VALUE || mostBatch > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "%s takes 2^31 - 1 outputs and rows at most, not %d and %d"
              .formatted(name, weights.out(), mostBatch));
    }
    LibraryHoldings<H> held = hold(((Device.Cuda) device).ordinal());
    try {
      return held.context().call(() -> operator(held, weights, bias, mostBatch));
    } catch (RuntimeException e) {
      try (held) {
        throw e;
      }
    }
  }

  /** Opens a device for something else that the library does. */
  final LibraryHoldings<H> hold(int ordinal) {
    return LibraryHoldings.open(devices, ordinal);
  }

  private LibraryOperator operator(
      LibraryHoldings<H> held, LinearWeights weights, Optional<Tensor> bias, long mostBatch) {
    held.begin();
    CudaStream own = held.stream();
    Optional<RowBroadcast> added =
        bias.map(
            b ->
                new RowBroadcast(
                    held.device().kernels().broadcast(),
                    held.place(b, own),
                    weights.out() * weights.dtype().bytes()));
    LibraryProduct product;
    synchronized (held.lock()) {
      product = product(held, weights, mostBatch, own);
    }
    return new LibraryOperator(name, held, product, added, mostBatch, own);
  }
}
