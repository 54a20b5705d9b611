package dev.coppice.cuda;

import dev.coppice.Tensor;
import dev.coppice.spi.LinearBench;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import jcuda.driver.CUdevice_attribute;
import org.jspecify.annotations.Nullable;

/** Measures products on a CUDA device, in a stream of its own, by the device's clock. */
final class LinearCudaBench implements LinearBench {
  private final LinearMemory memory;
  private final Map<Long, DeviceMemory> copies = new HashMap<>();
  private final CudaEvent begin;
  private final CudaEvent end;
  private @Nullable EnergyCounter energy;

  LinearCudaBench(LinearMemory memory) {
    this.memory = memory;
    this.begin = memory.context().call(() -> CudaEvent.timed(memory.context()));
    try {
      this.end = memory.context().call(() -> CudaEvent.timed(memory.context()));
    } catch (RuntimeException e) {
      try (begin) {
        throw e;
      }
    }
  }

  @Override
  public String description() {
    return "%s, driver supports CUDA %s"
        .formatted(memory.context().describe(), CudaContext.supportedVersion());
  }

  @Override
  public long cacheBytes() {
    return memory.context().attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  }

  @Override
  public long freeBytes() {
    long free = memory.context().call(() -> memory.context().memory()[0]);
    return Math.min(free, memory.settings().memory());
  }

  @Override
  public Tensor copyOf(Tensor host) {
    DeviceMemory copy = memory.copied(host);
    copies.put(copy.address(), copy);
    long[] shape =
        IntStream.range(0, host.shape().rank()).mapToLong(host.shape()::dimension).toArray();
    return Tensor.ofDevice(host.dtype(), memory.ordinal(), copy.address(), this, shape);
  }

  @Override
  public void copyTo(Tensor here, Tensor host) {
    DeviceMemory copy = copies.get(memory.require(here, "a tensor"));
    memory.fetch(Objects.requireNonNull(copy, "it is none that copyOf gave"), host);
  }

  @Override
  public OptionalLong stream() {
    return OptionalLong.of(RawStream.handle(memory.stream().stream()));
  }

  @Override
  public double seconds(Runnable calls) {
    memory.context().run(() -> begin.record(memory.stream().stream()));
    calls.run();
    return memory
        .context()
        .call(
            () -> {
              end.record(memory.stream().stream());
              end.await();
              return 1e-3 * end.millisecondsAfter(begin);
            });
  }

  /** {@inheritDoc} That of the whole board, since the driver was loaded. */
  @Override
  public OptionalDouble joules() {
    if (energy == null) {
      energy = new EnergyCounter(memory.context());
    }
    return energy.joules();
  }

  @Override
  public void close() {
    try (memory;
        end;
        begin) {
      copies.clear();
      if (energy != null) {
        energy.close();
      }
    }
  }
}
