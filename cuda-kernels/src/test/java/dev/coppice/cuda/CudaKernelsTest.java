package dev.coppice.cuda;

import dev.coppice.spi.SliceKernels;
import dev.coppice.spi.SliceKernelsContract;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CudaKernelsTest extends SliceKernelsContract {
  private CudaKernels kernels;

  @BeforeEach
  void open() {
    kernels = CudaKernels.open(0);
  }

  @AfterEach
  void close() {
    kernels.close();
  }

  @Override
  protected SliceKernels kernels() {
    return kernels;
  }
}
