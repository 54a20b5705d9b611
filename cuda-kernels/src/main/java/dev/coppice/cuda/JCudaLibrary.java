package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.spi.PrivateLibraries;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import jcuda.driver.JCudaDriver;

/** Loads JCuda's native libraries from a place where nobody else can plant one. */
final class JCudaLibrary {
  private static final class Attempt {
    private static final Optional<String> REFUSAL = attempt();
  }

  private JCudaLibrary() {}

  /**
   * Throws the reason if the library or a CUDA driver is missing; called before any other use of
   * JCuda.
   */
  static void require() {
    if (Attempt.REFUSAL.isPresent()) {
      throw new BackendUnavailableException(Attempt.REFUSAL.get());
    }
  }

  private static Optional<String> attempt() {
    if (!System.getProperty("os.name").equals("Linux")
        || !System.getProperty("os.arch").equals("amd64")) {
      return Optional.of("CUDA is supported on Linux for x86-64 alone");
    }
    try {
      if (Emulation.isWanted()) {
        Emulation.load();
      }
      initialise("JCudaDriver", () -> JCudaDriver.setExceptionsEnabled(false));
      return Optional.empty();
    } catch (BackendUnavailableException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      return Optional.of(notLaidOut("JCuda", e));
    } catch (NoClassDefFoundError e) {
      return Optional.of(
          "JCuda is not on the class path (no "
              + e.getMessage()
              + "); add org.jcuda:jcuda, which coppice-cuda depends on");
    } catch (LinkageError e) {
      return Optional.of(reason(e));
    }
  }

  /** Gives the reason why a library of JCuda's could not be laid out as a file. */
  static String notLaidOut(String title, IOException e) {
    return title + "'s native library cannot be laid out: " + e.getMessage();
  }

  /**
   * Lets JCuda load the library of that name at the first use of its class. It takes a file of the
   * right name from {@code java.io.tmpdir} without looking at it, so that has to be a folder where
   * nobody else can put one.
   */
  static synchronized void initialise(String library, Runnable firstUse) throws IOException {
    Path folder = folderWith(library);
    String before = System.getProperty("java.io.tmpdir");
    System.setProperty("java.io.tmpdir", folder.toString());
    try {
      firstUse.run();
    } finally {
      System.setProperty("java.io.tmpdir", before);
    }
  }

  private static Path folderWith(String library) throws IOException {
    String name =
        LibUtils.createLibraryFileName(
            LibUtils.createPlatformLibraryName(library + "-" + JCudaVersion.get()));
    try (InputStream contents = LibUtils.class.getResourceAsStream("/lib/" + name)) {
      if (contents == null) {
        String jar = library.equals("JCudaDriver") ? "jcuda" : library.toLowerCase(Locale.ROOT);
        throw new IOException(
            "the class path has no lib/%s; add org.jcuda:%s-natives"
                .formatted(name, jar.replaceFirst("\\d+$", "")));
      }
      PrivateLibraries kept =
          PrivateLibraries.ofUser()
              .orElseThrow(() -> new IOException("there is no home folder; set XDG_CACHE_HOME"));
      return Objects.requireNonNull(kept.provide(name, contents.readAllBytes()).getParent());
    }
  }

  private static String reason(LinkageError error) {
    String message = String.valueOf(error.getMessage());
    return message.contains("libcuda.so.1")
        ? "no CUDA driver: libcuda.so.1 was not found; install NVIDIA's driver, 580 or newer"
        : "JCuda's native library cannot be loaded: " + message.lines().findFirst().orElse("");
  }
}
