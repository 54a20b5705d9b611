package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.spi.PrivateLibraries;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * cuSPARSELt's functions through a library of ours that finds NVIDIA's at run time: see
 * src/main/cpp/cusparselt.cpp. Objects are addresses, each given back once by its owner; functions
 * answer a cusparseStatus_t, and are called with the context current.
 */
final class CusparseLt {
  private static final String OURS = "libcoppice_cusparselt.so";
  private static final String THEIRS = "libcusparseLt.so.0";

  /** The versions whose functions and numbers are those that ours was written for. */
  private static final int OLDEST = 600;

  private static final int NEWEST = 1099;

  private static final class Attempt {
    private static final Optional<String> REFUSAL = attempt();
  }

  private CusparseLt() {}

  /** Loads the library of that name; gives what is missing, or null. */
  private static native @Nullable String load(String library);

  /** Gives the name of the call that failed last in this thread. */
  private static native String failed();

  /** Makes a session: {@code made} = its address. */
  static native int open(long[] made);

  static native int version(long session, int[] version);

  static native int close(long session);

  /** Describes W: {@code made} = its address, the bytes of it compressed, those of a buffer. */
  static native int describe(long session, int type, long out, long in, long[] made);

  static native int compress(long weights, long dense, long compressed, long buffer, long stream);

  static native int release(long weights);

  /** Plans a product: {@code made} = its address, the bytes of its workspace. */
  static native int plan(long weights, long batch, long[] made);

  /** Tries all algorithms, and plans anew with the fastest: {@code bytes} of its workspace. */
  static native int search(
      long plan, long compressed, long x, long y, long workspace, long stream, long[] bytes);

  static native int multiply(
      long plan, long compressed, long x, float beta, long y, long workspace, long stream);

  static native int destroy(long plan);

  /** Makes a call, and throws if it fails. */
  static void run(IntSupplier call) {
    CudaResult.requireAlive();
    int status = call.getAsInt();
    if (status != 0) {
      CudaResult.runLibrary(failed(), CusparseStatus::name, () -> status);
    }
  }

  /**
   * Loads both libraries.
   *
   * @throws BackendUnavailableException if one is missing, with the reason
   */
  static void require() {
    if (Attempt.REFUSAL.isPresent()) {
      throw new BackendUnavailableException(Attempt.REFUSAL.get());
    }
  }

  /**
   * Gives a version for people.
   *
   * @throws BackendUnavailableException if ours was not written for it
   */
  static String checked(int version) {
    String text = "0.%d.%d".formatted(version / 100, version % 100);
    if (version < OLDEST || version > NEWEST) {
      throw new BackendUnavailableException(
          "cuSPARSELt %s is not known to Coppice, which calls 0.6 to 0.10".formatted(text));
    }
    return text;
  }

  private static Optional<String> attempt() {
    try {
      Emulation.loadStandIns(THEIRS);
      System.load(ours());
      String missing = load(THEIRS);
      return missing == null
          ? Optional.empty()
          : Optional.of(
              "no cuSPARSELt (%s): install it, and name its folder in LD_LIBRARY_PATH"
                  .formatted(missing));
    } catch (IOException e) {
      return Optional.of(JCudaLibrary.notLaidOut("coppice-cuda", e));
    } catch (UnsatisfiedLinkError e) {
      return Optional.of("coppice-cuda's %s cannot be loaded: %s".formatted(OURS, e.getMessage()));
    }
  }

  private static String ours() throws IOException {
    try (InputStream library = CusparseLt.class.getResourceAsStream(OURS)) {
      if (library == null) {
        throw new IOException(
            "this build has no %s: it was made without cmake and g++".formatted(OURS));
      }
      PrivateLibraries kept =
          PrivateLibraries.ofUser()
              .orElseThrow(() -> new IOException("there is no home folder; set XDG_CACHE_HOME"));
      byte[] contents = library.readAllBytes();
      return kept.provide("libcoppice_cusparselt-" + sha256(contents) + ".so", contents).toString();
    }
  }

  private static String sha256(byte[] contents) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(contents));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
