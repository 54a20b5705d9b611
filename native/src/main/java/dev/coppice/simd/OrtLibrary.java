package dev.coppice.simd;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.coppice.BackendUnavailableException;
import dev.coppice.spi.PrivateLibraries;
import java.io.IOException;
import java.nio.file.Path;

/**
 * The library with ONNX Runtime's custom operator {@code dev.coppice:SparseLinear}, which models
 * that {@code coppice sparsify} writes need. It needs ONNX Runtime 1.17 or newer, in any language.
 */
public final class OrtLibrary {
  /** The domain of the operator: models that import it need the library. */
  public static final String DOMAIN = "dev.coppice";

  private static final int DIGEST_DIGITS = 64;

  private OrtLibrary() {}

  /**
   * Gives the library as a file, for {@code SessionOptions.registerCustomOpLibrary}. It is kept in
   * the user's cache under the name of its content, where nobody else can change it.
   *
   * @throws BackendUnavailableException if there is none for this platform, or nowhere to keep it
   */
  public static Path path() {
    byte[] content = content();
    String digest = new String(resource("libcoppice_ort.sha256"), US_ASCII);
    String name = "libcoppice_ort-" + digest.substring(0, DIGEST_DIGITS) + ".so";
    try {
      return PrivateLibraries.ofUser()
          .orElseThrow(() -> new IOException("the user has no home folder"))
          .provide(name, content);
    } catch (IOException e) {
      throw unavailable(
          "cannot be kept in the user's cache: "
              + e.getMessage()
              + "; set XDG_CACHE_HOME to a folder that only you can write to",
          e);
    }
  }

  /**
   * Gives the library's bytes, to be put where another program takes it from.
   *
   * @throws BackendUnavailableException if there is none for this platform
   */
  public static byte[] content() {
    boolean mac = NativeLibrary.platform().startsWith("mac");
    return resource("libcoppice_ort" + (mac ? ".dylib" : ".so"));
  }

  private static byte[] resource(String name) {
    try {
      return NativeLibrary.resource(name);
    } catch (NativeLibraryException e) {
      throw unavailable("is not there: " + e.getMessage(), e);
    }
  }

  private static BackendUnavailableException unavailable(String why, Exception cause) {
    BackendUnavailableException unavailable =
        new BackendUnavailableException("the library with the operator SparseLinear " + why);
    unavailable.initCause(cause);
    return unavailable;
  }
}
