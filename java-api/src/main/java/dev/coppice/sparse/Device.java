package dev.coppice.sparse;

import dev.coppice.spi.WorkPool;

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
