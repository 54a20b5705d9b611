package dev.coppice.cuda;

import dev.coppice.spi.Backend;
import dev.coppice.spi.SliceSumsContract;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/** The contract on a real device. */
@Tag("gpu")
@ExtendWith(RealDevice.class)
class DeviceSliceSumsTest extends SliceSumsContract {
  @Override
  protected Backend open() {
    return new CudaProvider().create(0);
  }

  /** The size of a slice is a setting of the device there. */
  @Override
  protected int[] sliceSizes() {
    return new int[] {1 << 20};
  }
}
