package dev.coppice.cuda;

import dev.coppice.DeviceException;
import dev.coppice.DeviceOutOfMemoryException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import jcuda.driver.CUdevice_attribute;

/** What people are told of the devices, a line each. */
final class DeviceDetails {
  /** Much larger than any cache, and copied in a millisecond or so. */
  private static final long MOST_BYTES = 256L << 20;

  /** The emulated driver copies with the CPU. */
  private static final long EMULATED_BYTES = 1 << 20;

  private static final long LEAST_BYTES = 64 << 10;
  private static final int REPETITIONS = 5;

  private DeviceDetails() {}

  /** Gives a line for every device of the machine; of one that fails, with the reason. */
  static List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (int ordinal = 0; ordinal < CudaContext.devices(); ordinal++) {
      lines.add("device %d: %s".formatted(ordinal, line(ordinal)));
    }
    return lines;
  }

  private static String line(int ordinal) {
    try (CudaContext context = CudaContext.open(ordinal)) {
      return context.call(() -> line(context));
    } catch (DeviceException e) {
      if (CudaResult.isLost()) {
        throw e;
      }
      return "not looked at: " + e.getMessage();
    }
  }

  private static String line(CudaContext context) {
    long[] memory = context.memory();
    return "%s, %s of %s free, %d multiprocessors, driver supports CUDA %s, %s"
        .formatted(
            context.describe(),
            gigabytes(memory[0]),
            gigabytes(memory[1]),
            context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
            CudaContext.supportedVersion(),
            copySpeed(context, memory[0]));
  }

  private static String gigabytes(long bytes) {
    return String.format(Locale.ROOT, "%.1f GB", bytes / 1e9);
  }

  /** Measures copies within the device; for people, not for decisions. */
  private static String copySpeed(CudaContext context, long free) {
    long most = Emulation.isWanted() ? EMULATED_BYTES : MOST_BYTES;
    long bytes = Math.min(most, free / 4) / DeviceArena.GRAIN * DeviceArena.GRAIN;
    if (bytes < LEAST_BYTES) {
      return "too little free to measure copies";
    }
    try (CudaStream stream = new CudaStream(context);
        DeviceMemory from = new DeviceMemory(context, bytes, stream);
        DeviceMemory to = new DeviceMemory(context, bytes, stream);
        CudaEvent begin = CudaEvent.timed(context);
        CudaEvent end = CudaEvent.timed(context)) {
      from.clear(0, bytes, stream.stream());
      double best = Double.POSITIVE_INFINITY;
      for (int i = 0; i < REPETITIONS; i++) {
        begin.record(stream.stream());
        from.copyTo(to, stream.stream());
        end.record(stream.stream());
        end.await();
        best = Math.min(best, end.millisecondsAfter(begin));
      }
      return String.format(
          Locale.ROOT, "copies at %.0f GB/s, read and written", 2e-6 * bytes / best);
    } catch (DeviceOutOfMemoryException e) {
      return "too little free to measure copies";
    }
  }
}
