package dev.coppice.reference;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** Products in plain Java, row by row, summed in F64: right, and slow. */
public final class ReferenceLinear implements LinearProvider {
  @Override
  public String name() {
    return "reference";
  }

  @Override
  public Availability availability(Device device) {
    return device instanceof Device.Cpu
        ? new Availability.Usable("Java " + Runtime.version().feature())
        : new Availability.Unusable("plain Java runs on the processor alone");
  }

  @Override
  public Set<Format> formats(Device device, DType dtype, long batch) {
    return EnumSet.allOf(Format.class);
  }

  @Override
  public LinearOperator prepare(
      LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
    double[] added = new double[(int) weights.out()];
    bias.ifPresent(b -> System.arraycopy(values(b, 0, added.length), 0, added, 0, added.length));
    return new Product(weights, added);
  }

  private static final class Product implements LinearOperator {
    private final LinearWeights weights;
    private final double[] bias;

    Product(LinearWeights weights, double[] bias) {
      this.weights = weights;
      this.bias = bias;
    }

    @Override
    public void apply(Tensor x, Tensor y, OptionalLong stream) {
      int batch = (int) x.shape().dimension(0);
      int in = weights.in();
      int out = bias.length;
      DType dtype = weights.dtype();
      double[] inputs = values(x, 0, batch * in);
      ByteBuffer outputs = buffer(batch * out * dtype.bytes());
      ByteBuffer row = buffer(in * dtype.bytes());
      double[] w = new double[in];
      for (int o = 0; o < out; o++) {
        weights.row(o, row.clear());
        read(row, dtype, w);
        for (int b = 0; b < batch; b++) {
          double sum = bias[o];
          for (int i = 0; i < in; i++) {
            sum += inputs[b * in + i] * w[i];
          }
          FloatingPoint.write(outputs, b * out + o, dtype, sum);
        }
      }
      y.write(0, outputs);
    }

    @Override
    public long bytes() {
      return weights.bytes();
    }

    @Override
    public void close() {}
  }

  private static double[] values(Tensor tensor, long first, int count) {
    ByteBuffer bytes = buffer(count * tensor.dtype().bytes());
    tensor.read(first, bytes);
    double[] values = new double[count];
    read(bytes, tensor.dtype(), values);
    return values;
  }

  private static void read(ByteBuffer from, DType dtype, double[] into) {
    for (int i = 0; i < into.length; i++) {
      into[i] = FloatingPoint.read(from, i, dtype);
    }
  }

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
