package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.sparse.Device;
import dev.coppice.spi.Availability;
import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramProvider;
import dev.coppice.spi.GramSums;

/** Adds up Gram matrices by cuBLAS, on the first device. */
public final class CublasGram implements GramProvider {
  private static final int DEVICE = 0;

  private final CublasLinear cublas;

  /** Makes the provider of the backend {@code cuda}. */
  public CublasGram() {
    this(new CublasLinear());
  }

  /** Makes one that shares the library's handle with that. */
  CublasGram(CublasLinear cublas) {
    this.cublas = cublas;
  }

  @Override
  public String name() {
    return CudaProvider.NAME;
  }

  @Override
  public Availability availability() {
    return cublas.availability(Device.cuda(DEVICE));
  }

  /**
   * Gives {@code -Dcoppice.cuda.worthwhile.sums}, or 10 billion: an estimate by arithmetic, not
   * measured on any device. To open a device and cuBLAS takes about a second, once; a processor
   * adds up some billions of products in that time. On the emulated driver {@code auto} takes it
   * only where that is set.
   */
  @Override
  public long worthwhile() {
    long unlessSet = Emulation.isWanted() ? Long.MAX_VALUE : 10_000_000_000L;
    return Math.max(1, Long.getLong("coppice.cuda.worthwhile.sums", unlessSet));
  }

  @Override
  public GramBackend open() {
    if (availability() instanceof Availability.Unusable unusable) {
      throw new BackendUnavailableException(unusable.reason());
    }
    return new Opened(cublas);
  }

  /**
   * Keeps device and library open from one matrix to the next. All are added up in one stream: with
   * several, cuBLAS may take another algorithm each time.
   */
  private static final class Opened implements GramBackend {
    private final CublasLinear cublas;
    private final CudaStream stream;
    private final Handle handle;

    Opened(CublasLinear cublas) {
      this.cublas = cublas;
      LibraryHoldings<CublasHandle> held = cublas.hold(DEVICE);
      try {
        this.stream = held.context().call(held::stream);
      } catch (RuntimeException e) {
        try (held) {
          throw e;
        }
      }
      this.handle = new Handle(this, "cuBLAS for sums", held::close);
    }

    @Override
    public GramSums begin(int columns, int width) {
      return CublasGramSums.begin(cublas.hold(DEVICE), stream, columns, width);
    }

    @Override
    public void close() {
      handle.close();
    }
  }
}
