package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.reference.FloatingPoint;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/** Random weights and operands of a linear layer. */
public final class LayerCase {
  private LayerCase() {}

  /** Gives numbers around 0, none of them zero, in direct memory. */
  public static Tensor numbers(Random random, DType dtype, long... shape) {
    Tensor tensor = empty(dtype, shape);
    return fill(tensor, i -> random.nextGaussian() + (random.nextBoolean() ? 1 : -1));
  }

  /** Gives weights of which that share is zero, anywhere. */
  public static Tensor sparse(Random random, DType dtype, double sparsity, long out, long in) {
    return fill(
        empty(dtype, out, in),
        i -> random.nextDouble() < sparsity ? 0 : random.nextGaussian() + 0.01);
  }

  /** Gives weights of which each four have two at most; some have fewer. */
  public static Tensor twoFour(Random random, DType dtype, long out, long in) {
    int[] kept = new int[1];
    return fill(
        empty(dtype, out, in),
        i -> {
          kept[0] = i % 4 == 0 ? random.nextInt(3) : kept[0];
          boolean keep = random.nextInt(4 - i % 4) < kept[0];
          kept[0] -= keep ? 1 : 0;
          return keep ? random.nextGaussian() + 0.01 : 0;
        });
  }

  /** Gives weights that the format holds. */
  public static Tensor weights(Random random, Format format, DType dtype, long out, long in) {
    return format == Format.TWO_FOUR
        ? twoFour(random, dtype, out, in)
        : sparse(random, dtype, random.nextInt(11) / 10.0, out, in);
  }

  /** Gives a tensor of zeros in direct memory. */
  public static Tensor empty(DType dtype, long... shape) {
    long elements = 1;
    for (long dimension : shape) {
      elements *= dimension;
    }
    return Tensor.of(dtype, ByteBuffer.allocateDirect((int) elements * dtype.bytes()), shape);
  }

  /** Gives the elements of a tensor of the host. */
  public static double[] values(Tensor tensor) {
    ByteBuffer bytes = bytes(tensor);
    double[] values = new double[(int) tensor.shape().elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = FloatingPoint.read(bytes, i, tensor.dtype());
    }
    return values;
  }

  /** Gives a copy of a tensor's bytes. */
  public static ByteBuffer bytes(Tensor tensor) {
    ByteBuffer bytes =
        ByteBuffer.allocate((int) tensor.shape().elements() * tensor.dtype().bytes())
            .order(ByteOrder.LITTLE_ENDIAN);
    tensor.read(0, bytes);
    return bytes;
  }

  /** What an element is. */
  public interface Numbers {
    /** Gives element {@code i}. */
    double at(int i);
  }

  /** Sets all elements, in order. */
  public static Tensor fill(Tensor tensor, Numbers numbers) {
    ByteBuffer bytes = bytes(tensor);
    for (int i = 0; i < tensor.shape().elements(); i++) {
      FloatingPoint.write(bytes, i, tensor.dtype(), numbers.at(i));
    }
    tensor.write(0, bytes);
    return tensor;
  }
}
