package dev.coppice.simd;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import dev.coppice.spi.SlicedBackend;
import org.jspecify.annotations.Nullable;

/** Offers the native backend wherever its library is on the class path and can be loaded. */
public final class NativeProvider implements BackendProvider {
  private static final class Probe {
    static final Availability RESULT = probe();

    private static Availability probe() {
      try {
        NativeLibrary.load();
        return choose(System.getProperty("coppice.native.isa"));
      } catch (NativeLibraryException | LinkageError | IllegalArgumentException e) {
        return new Availability.Unusable(String.valueOf(e.getMessage()));
      }
    }
  }

  @Override
  public String name() {
    return "native";
  }

  @Override
  public int rank() {
    return 100;
  }

  /**
   * {@inheritDoc}
   *
   * <p>{@code -Dcoppice.native.isa} sets the instruction set: {@code baseline}, {@code avx2} or
   * {@code avx512}; otherwise it is the processor's best.
   */
  @Override
  public Availability availability() {
    return Probe.RESULT;
  }

  @Override
  public Backend create(int device) {
    return new SlicedBackend(name(), new NativeKernels());
  }

  static Availability choose(@Nullable String name) {
    InstructionSet set = name == null ? InstructionSet.best() : InstructionSet.named(name);
    if (!set.use()) {
      return new Availability.Unusable(
          "coppice.native.isa asks for " + set.title() + ", which this processor lacks");
    }
    return new Availability.Usable(set.title() + " on " + NativeLibrary.platform());
  }
}
