package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Random;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** What another framework in the process has: the primary context, a stream, memory. */
final class CallersDevice implements AutoCloseable {
  private final CUdevice device = new CUdevice();
  private final CUcontext context = new CUcontext();
  private final CUstream stream = new CUstream();
  private final Deque<CUdeviceptr> memory = new ArrayDeque<>();

  /** Makes the primary context of a device current, as long as this is open. */
  CallersDevice(int ordinal) {
    ok(JCudaDriver.cuInit(0));
    ok(JCudaDriver.cuDeviceGet(device, ordinal));
    ok(JCudaDriver.cuDevicePrimaryCtxRetain(context, device));
    ok(JCudaDriver.cuCtxPushCurrent(context));
    ok(JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
  }

  private static void ok(int code) {
    assertThat(code).isZero();
  }

  CUstream stream() {
    return stream;
  }

  long streamHandle() {
    return CudaTensors.stream(stream);
  }

  /** Allocates and fills memory, guarded by the emulated driver; freed when this is closed. */
  CUdeviceptr holding(byte[] bytes) {
    CUdeviceptr allocated = new CUdeviceptr();
    ok(JCudaDriver.cuMemAlloc(allocated, bytes.length));
    memory.push(allocated);
    ok(JCudaDriver.cuMemcpyHtoD(allocated, Pointer.to(bytes), bytes.length));
    return allocated;
  }

  /** Waits for the stream and reads memory back. */
  byte[] read(Pointer from, int count) {
    byte[] bytes = new byte[count];
    ok(JCudaDriver.cuStreamSynchronize(stream));
    ok(JCudaDriver.cuMemcpyDtoH(Pointer.to(bytes), (CUdeviceptr) from, count));
    return bytes;
  }

  void awaitStream() {
    ok(JCudaDriver.cuStreamSynchronize(stream));
  }

  /** Says whether the context is the current one. */
  boolean isCurrent() {
    CUcontext current = new CUcontext();
    ok(JCudaDriver.cuCtxGetCurrent(current));
    return current.equals(context);
  }

  /** Gives weights with many ties, zeros and both signs, as bytes. */
  static byte[] weights(DType dtype, int count, long seed) {
    Random random = new Random(seed);
    ByteBuffer bytes = ByteBuffer.allocate(count * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      float value =
          switch (random.nextInt(4)) {
            case 0 -> random.nextBoolean() ? 0f : -0f;
            case 1 -> random.nextInt(9) - 4;
            default -> (float) random.nextGaussian();
          };
      if (dtype == DType.F32) {
        bytes.putFloat(value);
      } else {
        bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16)); // Any bits but NaN do.
      }
    }
    return bytes.array();
  }

  @Override
  public void close() {
    while (!memory.isEmpty()) {
      ok(JCudaDriver.cuMemFree(memory.pop()));
    }
    ok(JCudaDriver.cuStreamDestroy(stream));
    ok(JCudaDriver.cuCtxPopCurrent(new CUcontext()));
    ok(JCudaDriver.cuDevicePrimaryCtxRelease(device));
  }
}
