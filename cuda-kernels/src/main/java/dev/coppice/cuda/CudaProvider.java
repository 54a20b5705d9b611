package dev.coppice.cuda;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Offers the CUDA backend where a driver and a device are. */
public final class CudaProvider implements BackendProvider {
  static final String NAME = "cuda";

  private static final List<Path> DEVICES =
      List.of(Path.of("/dev/nvidiactl"), Path.of("/dev/dxg"), Path.of("/dev/nvmap"));

  private @Nullable Availability availability;

  @Override
  public String name() {
    return NAME;
  }

  /** Gives the highest rank; on the emulated driver one that {@code auto} never takes. */
  @Override
  public int rank() {
    return Emulation.isWanted() ? -1 : 200;
  }

  /**
   * Gives {@code -Dcoppice.cuda.worthwhile}, or 1 GB: an estimate by arithmetic, not measured on
   * any device. To make a context and load the kernels takes a few hundred milliseconds, once in a
   * process, and what is brought to a device crosses PCIe twice, at some 20 GB/s; a CPU prunes from
   * memory at 1 to 10 GB/s. What lies on the device already is pruned there whatever its size.
   */
  @Override
  public long worthwhileBytes() {
    return Long.getLong("coppice.cuda.worthwhile", 1_000_000_000);
  }

  /** Looks for the files of NVIDIA's driver: desktops and servers, WSL, Jetson. */
  @Override
  public Optional<String> absence() {
    boolean linux = System.getProperty("os.name", "").startsWith("Linux");
    return !linux || Emulation.isWanted() || DEVICES.stream().anyMatch(Files::exists)
        ? Optional.empty()
        : Optional.of("there is no CUDA device here");
  }

  /**
   * Asks the driver, and makes no context: whether the kernels are compiled for the device is seen
   * when the backend is made.
   */
  @Override
  public synchronized Availability availability() {
    String lost = CudaResult.lost();
    if (lost != null) {
      return new Availability.Unusable(lost);
    }
    Availability known = availability;
    if (known == null) {
      known = Probe.of(CudaProvider::describe);
      availability = known;
    }
    return known;
  }

  private static String describe() {
    String device = CudaContext.describe(0);
    CudaModule.require();
    return device;
  }

  @Override
  public boolean runsOnDevice() {
    return true;
  }

  @Override
  public Backend create(int device) {
    return new CudaBackend(CudaDevice.open(device));
  }
}
