package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DeviceException;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import org.jspecify.annotations.Nullable;

/** Offers the CUDA backend where a driver and a device are. */
public final class CudaProvider implements BackendProvider {
  static final String NAME = "cuda";

  private @Nullable Availability availability;

  @Override
  public String name() {
    return NAME;
  }

  /**
   * Gives a rank below every other: only the histogram of magnitudes runs on the device as yet,
   * which does not pay for the copies, so {@code auto} must not take it.
   */
  @Override
  public int rank() {
    return -1;
  }

  @Override
  public synchronized Availability availability() {
    Availability known = availability;
    if (known == null) {
      known = probe();
      availability = known;
    }
    return known;
  }

  private static Availability probe() {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      return new Availability.Usable(
          "%s%s: key histograms on the device, all else in the reference kernels"
              .formatted(
                  Emulation.isWanted() ? "emulated, no GPU: " : "", kernels.context().describe()));
    } catch (BackendUnavailableException | DeviceException e) {
      return new Availability.Unusable(String.valueOf(e.getMessage()));
    } catch (LinkageError e) {
      return new Availability.Unusable("JCuda is not on the class path or not whole: " + e);
    }
  }

  @Override
  public boolean runsOnDevice() {
    return true;
  }

  @Override
  public Backend create(int device) {
    return new CudaBackend(CudaKernels.open(device));
  }
}
