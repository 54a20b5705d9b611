package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import java.io.IOException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A library of NVIDIA's and what binds it to Java; loaded once in a process. */
final class LibraryBinding {
  /** Loads the Java library and with it NVIDIA's; throws a LinkageError if one is missing. */
  @FunctionalInterface
  interface Load {
    void load() throws IOException;
  }

  private static final Pattern MISSING =
      Pattern.compile("(lib[^\\s/:]+): cannot open shared object file");

  private final String title;
  private final String artifact;
  private final String library;
  private final Load load;
  private Optional<String> refusal = Optional.empty();
  private boolean tried;

  /**
   * @param title of what binds it
   * @param artifact to add for that
   * @param library the soname of NVIDIA's
   */
  LibraryBinding(String title, String artifact, String library, Load load) {
    this.title = title;
    this.artifact = artifact;
    this.library = library;
    this.load = load;
  }

  String title() {
    return title;
  }

  /** Gives why it cannot be used and how to add it, if it cannot be used. */
  synchronized Optional<String> refusal() {
    if (!tried) {
      refusal = attempt();
      tried = true;
    }
    return refusal;
  }

  /**
   * Throws the reason if it cannot be used.
   *
   * @throws BackendUnavailableException so
   */
  void require() {
    Optional<String> reason = refusal();
    if (reason.isPresent()) {
      throw new BackendUnavailableException(reason.get());
    }
  }

  private Optional<String> attempt() {
    try {
      Emulation.loadStandIns(library);
      load.load();
      return Optional.empty();
    } catch (IOException e) {
      return Optional.of(JCudaLibrary.notLaidOut(title, e));
    } catch (NoClassDefFoundError e) {
      return Optional.of("%s is not on the class path: add %s".formatted(title, artifact));
    } catch (LinkageError e) {
      return Optional.of(reason(e));
    }
  }

  private String reason(LinkageError error) {
    for (Throwable cause = error; cause != null; cause = cause.getCause()) {
      Matcher missing = MISSING.matcher(String.valueOf(cause.getMessage()));
      if (missing.find()) {
        return "%s needs %s, which was not found: install it, or name its folder in LD_LIBRARY_PATH"
            .formatted(title, missing.group(1));
      }
    }
    return "%s cannot be loaded: %s"
        .formatted(title, String.valueOf(error.getMessage()).lines().findFirst().orElse(""));
  }
}
