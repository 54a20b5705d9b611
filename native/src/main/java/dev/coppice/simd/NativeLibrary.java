package dev.coppice.simd;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.coppice.spi.PrivateLibraries;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The library with the kernels: a resource that is unpacked and loaded once a process. It is kept
 * in the user's cache under the name of its content; where that cannot be had, it is unpacked to a
 * temporary directory and removed as soon as it is loaded.
 */
final class NativeLibrary {
  private static final int DIGEST_DIGITS = 64;

  private static final class Loaded {
    static final Optional<NativeLibraryException> FAILURE = attempt();

    private static Optional<NativeLibraryException> attempt() {
      try {
        fromClassPath().load(Loaded::systemLoad);
        return Optional.empty();
      } catch (NativeLibraryException e) {
        return Optional.of(e);
      }
    }

    private static void systemLoad(Path library) {
      System.load(library.toString());
    }
  }

  private final @Nullable PrivateLibraries kept;
  private final String name;
  private final byte[] content;

  /**
   * Makes a library.
   *
   * @param kept where it is kept; null if nowhere
   * @param sha256 of the content: its name there
   */
  NativeLibrary(@Nullable PrivateLibraries kept, String sha256, byte[] content) {
    this.kept = kept;
    this.name = "libcoppice-" + sha256 + ".so";
    this.content = content;
  }

  /**
   * Loads the library into the process, unless that was done before.
   *
   * @throws NativeLibraryException if it cannot be loaded, now or when it was tried first
   */
  static void load() {
    if (Loaded.FAILURE.isPresent()) {
      NativeLibraryException first = Loaded.FAILURE.get();
      throw new NativeLibraryException(String.valueOf(first.getMessage()), first);
    }
  }

  /** Gives the platform in JavaCPP's words: {@code linux-x86_64}, {@code macosx-arm64}. */
  static String platform() {
    String system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
    String machine = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    return (system.startsWith("mac") ? "macosx" : system.replace(' ', '-'))
        + "-"
        + switch (machine) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64", "arm64" -> "arm64";
          default -> machine;
        };
  }

  /**
   * Unpacks the library and loads it.
   *
   * @param load loads a file; may throw {@link UnsatisfiedLinkError}
   */
  void load(Consumer<Path> load) {
    String why = "there is no place to keep it";
    if (kept != null) {
      try {
        load.accept(kept.provide(name, content));
        return;
      } catch (IOException | UnsatisfiedLinkError e) {
        why = "from " + kept + ": " + e;
      }
    }
    try {
      loadTemporary(load);
    } catch (IOException | UnsatisfiedLinkError e) {
      throw new NativeLibraryException(
          "the native library cannot be loaded (" + why + "; then: " + e + ")", e);
    }
  }

  private void loadTemporary(Consumer<Path> load) throws IOException {
    Path folder = Files.createTempDirectory("coppice-");
    try {
      load.accept(new PrivateLibraries(folder).provide(name, content));
    } finally {
      Files.deleteIfExists(folder.resolve(name));
      Files.delete(folder);
    }
  }

  private static NativeLibrary fromClassPath() {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new NativeLibraryException("the native kernels need a little-endian processor");
    }
    String file = platform().startsWith("mac") ? "libcoppice.dylib" : "libcoppice.so";
    // The build has written the digest: computing it here would take longer than all the rest.
    String digest = new String(resource("libcoppice.sha256"), US_ASCII);
    return new NativeLibrary(
        PrivateLibraries.ofUser().orElse(null), digest.substring(0, DIGEST_DIGITS), resource(file));
  }

  /** Gives a file of the platform's. */
  static byte[] resource(String name) {
    try (InputStream in = NativeLibrary.class.getResourceAsStream(platform() + "/" + name)) {
      if (in == null) {
        throw new NativeLibraryException(
            "no native library for "
                + platform()
                + " on the class path (coppice-native's jar with the classifier "
                + platform()
                + " holds it, where it was built with cmake and g++)");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new NativeLibraryException("the native library cannot be read: " + e, e);
    }
  }
}
