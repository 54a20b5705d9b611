package dev.coppice.evaluation;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.Optional;
import java.util.Set;

/**
 * Dense products of ONNX Runtime on the processor: what a sparse one has to beat where a model runs
 * there. F32 alone: on x86 it computes 16-bit types by widening all weights first.
 */
public final class OnnxRuntimeLinear implements LinearProvider {
  @Override
  public String name() {
    return "onnxruntime";
  }

  @Override
  public Availability availability(Device device) {
    if (!(device instanceof Device.Cpu)) {
      return new Availability.Unusable("ONNX Runtime's CPU provider runs on the processor alone");
    }
    return OnnxRuntime.missing()
        .<Availability>map(Availability.Unusable::new)
        .orElseGet(() -> new Availability.Usable(OnnxModel.ENVIRONMENT.getVersion()));
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    return dtype == DType.F32 ? Set.of(Format.DENSE) : Set.of();
  }

  @Override
  public LinearOperator prepare(
      LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
    return OnnxRuntimeProduct.of(weights, bias, ((Device.Cpu) device).threads());
  }
}
