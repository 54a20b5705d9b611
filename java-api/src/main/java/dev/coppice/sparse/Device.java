package dev.coppice.sparse;

import dev.coppice.spi.WorkPool;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where products run. */
public sealed interface Device {
  /**
   * The processor.
   *
   * @param threads of the shared pool, or of another library, that a product uses at most
   */
  record Cpu(int threads) implements Device {
    /** Refuses less than one thread. */
    public Cpu {
      if (threads < 1) {
        throw new IllegalArgumentException("threads must be 1 or more, not " + threads);
      }
    }

    @Override
    public String toString() {
      return "cpu:" + threads;
    }
  }

  /**
   * A CUDA device.
   *
   * @param ordinal as the driver counts
   */
  record Cuda(int ordinal) implements Device {
    /** Refuses negative ordinals. */
    public Cuda {
      if (ordinal < 0) {
        throw new IllegalArgumentException("a device must be 0 or more, not " + ordinal);
      }
    }

    @Override
    public String toString() {
      return "cuda:" + ordinal;
    }
  }

  /**
   * Gives the device of a name: {@code cpu}, {@code cpu:2}, {@code cuda}, {@code cuda:0}; without a
   * number all threads, or the first.
   *
   * @throws IllegalArgumentException if there is none
   */
  static Device named(String name) {
    Matcher parts = Pattern.compile("(cpu|cuda)(?::(\\d{1,6}))?").matcher(name);
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          "a device must be cpu, cpu:THREADS or cuda:ORDINAL, not \"%s\"".formatted(name));
    }
    Optional<Integer> number = Optional.ofNullable(parts.group(2)).map(Integer::parseInt);
    return parts.group(1).equals("cpu")
        ? number.map(Device::cpu).orElseGet(Device::cpu)
        : cuda(number.orElse(0));
  }

  /** Gives the processor with all threads of the shared pool. */
  static Device cpu() {
    return new Cpu(WorkPool.shared().threads());
  }

  /** Gives the processor with some threads. */
  static Device cpu(int threads) {
    return new Cpu(threads);
  }

  /** Gives a CUDA device. */
  static Device cuda(int ordinal) {
    return new Cuda(ordinal);
  }
}
