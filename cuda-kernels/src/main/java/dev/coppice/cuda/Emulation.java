package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The emulated driver, which runs the kernels on the CPU so that everything above them can be
 * tested without a GPU. {@code COPPICE_CUDA_EMULATED=1} or {@code -Dcoppice.cuda.emulated=true}
 * asks for it; {@code -Dcoppice.cuda.emulator} names the folder that it was built in.
 */
final class Emulation {
  private Emulation() {}

  static boolean isWanted() {
    return "1".equals(System.getenv("COPPICE_CUDA_EMULATED"))
        || Boolean.getBoolean("coppice.cuda.emulated");
  }

  /** Gives the image that names the kernels which the emulated driver has. */
  static Path image() {
    return file("kernels.image");
  }

  /**
   * Loads the emulated driver. Its soname is {@code libcuda.so.1}, so that JCuda's library, which
   * needs one of that name, is bound to it.
   */
  static void load() {
    System.load(file("libcuda.so.1").toString());
  }

  /**
   * Loads the stand-ins for NVIDIA's libraries of these sonames, as far as they are built; where no
   * emulation is wanted, nothing.
   */
  static void loadStandIns(String... sonames) {
    String folder = System.getProperty("coppice.cuda.emulator");
    if (isWanted() && folder != null) {
      for (String soname : sonames) {
        Path file = Path.of(folder, soname).toAbsolutePath();
        if (Files.isRegularFile(file)) {
          System.load(file.toString());
        }
      }
    }
  }

  private static Path file(String name) {
    String folder = System.getProperty("coppice.cuda.emulator");
    if (folder == null) {
      throw new BackendUnavailableException(
          "the emulated CUDA driver is wanted, but -Dcoppice.cuda.emulator does not name its folder");
    }
    Path file = Path.of(folder, name).toAbsolutePath();
    if (!Files.isRegularFile(file)) {
      throw new BackendUnavailableException(
          "the emulated CUDA driver is wanted, but not built: there is no "
              + file
              + "; build it with cmake and g++ on the path");
    }
    return file;
  }
}
