package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.Tensor;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;

/**
 * Makes tensors of device memory that other frameworks hold as pointers of JCuda or JavaCPP; for
 * raw addresses there is {@link Tensor#ofDevice}. Nothing is copied, and nothing is freed: whoever
 * allocated the memory keeps it until it is pruned. A tensor keeps its pointer reachable.
 */
public final class CudaTensors {
  private CudaTensors() {}

  /** Lets out the address that JCuda keeps. */
  private static final class Address extends Pointer {
    Address(Pointer of) {
      super(of);
    }

    long value(boolean ofDevice) {
      long value = getNativePointer() + getByteOffset();
      if (value == 0 || (getNativePointer() == 0 && !ofDevice)) {
        throw new IllegalArgumentException(
            "the pointer is null, or one into Java's memory: it must be one into a device's");
      }
      return value;
    }
  }

  /**
   * Makes a tensor of memory that JCuda points to, from the pointer's byte offset on.
   *
   * @param device the device's ordinal
   * @param pointer a {@code CUdeviceptr}, or a pointer that {@code cudaMalloc} filled
   */
  public static Tensor of(DType dtype, int device, Pointer pointer, long... shape) {
    long address = new Address(pointer).value(pointer instanceof CUdeviceptr);
    return Tensor.ofDevice(dtype, device, address, pointer, shape);
  }

  /**
   * Makes a tensor of memory that JavaCPP points to, from the pointer's position on, and not beyond
   * its limit if it has one. Needs JavaCPP on the class path, as nothing else here does.
   *
   * @param device the device's ordinal
   * @param pointer one whose address is a device's
   */
  public static Tensor ofJavaCpp(
      DType dtype, int device, org.bytedeco.javacpp.Pointer pointer, long... shape) {
    long position = pointer.position();
    long skipped = position == 0 ? 0 : Math.multiplyExact(position, (long) pointer.sizeof());
    long address = pointer.address() == 0 ? 0 : pointer.address() + skipped;
    Tensor tensor = Tensor.ofDevice(dtype, device, address, pointer, shape);
    if (pointer.limit() > 0) {
      long there = Math.multiplyExact(pointer.limit() - position, (long) pointer.sizeof());
      long needed = tensor.shape().elements() * dtype.bytes();
      if (needed > there) {
        throw new IllegalArgumentException(
            "a tensor %s of %s needs %d bytes, the pointer has %d from its position to its limit"
                .formatted(tensor.shape(), dtype, needed, there));
      }
    }
    return tensor;
  }

  /** Gives a stream's handle, for {@link dev.coppice.Pruner.Builder#stream}. */
  public static long stream(CUstream stream) {
    return RawStream.handle(stream);
  }
}
