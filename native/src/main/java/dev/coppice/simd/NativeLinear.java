package dev.coppice.simd;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * Products in C++, for the vectors of this machine's processor, on the threads of the shared pool.
 * Weights are read where they lie; those of {@link Format#DENSE} in an array of the heap are copied
 * once. An operator holds the inputs of at most 256 rows of x as F32; x and y in arrays of the heap
 * pass through memory of its own.
 */
public final class NativeLinear implements LinearProvider {
  @Override
  public String name() {
    return "native";
  }

  @Override
  public Availability availability(Device device) {
    return device instanceof Device.Cpu
        ? new NativeProvider().availability()
        : new Availability.Unusable("the native kernels run on the processor alone");
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    return EnumSet.allOf(Format.class);
  }

  @Override
  public LinearOperator prepare(
      LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
    return new NativeProduct(new NativeWeights(weights, bias), ((Device.Cpu) device).threads());
  }
}
