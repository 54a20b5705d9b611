package dev.coppice.cli;

import dev.coppice.BackendUnavailableException;
import dev.coppice.CheckpointFormatException;
import dev.coppice.DeviceException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.NanWeightsException;
import dev.coppice.PruningCancelledException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * What is said when a command fails, and with which status it ends.
 *
 * @param status of sysexits.h
 * @param message one line that says what to do
 */
record Failure(int status, String message) {

  /** A failure that a command has worded itself. */
  static final class Refusal extends RuntimeException {
    private static final long serialVersionUID = 1;
    private final int status;

    Refusal(int status, String message) {
      super(message);
      this.status = status;
    }

    Refusal(int status, String message, Throwable cause) {
      super(message, cause);
      this.status = status;
    }
  }

  static Failure of(Throwable thrown) {
    if (thrown instanceof Refusal refusal) {
      return new Failure(refusal.status, text(thrown));
    }
    if (thrown instanceof CheckpointFormatException || thrown instanceof NanWeightsException) {
      return new Failure(ExitStatus.DATA, text(thrown));
    }
    if (thrown instanceof BackendUnavailableException) {
      return new Failure(ExitStatus.UNAVAILABLE, text(thrown));
    }
    if (thrown instanceof DeviceOutOfMemoryException) {
      return new Failure(
          ExitStatus.UNAVAILABLE, text(thrown) + "; --backend auto goes on with another");
    }
    if (thrown instanceof DeviceException) {
      return new Failure(ExitStatus.UNAVAILABLE, text(thrown));
    }
    if (thrown instanceof PruningCancelledException) {
      return new Failure(ExitStatus.CANCELLED, "cancelled; nothing was left behind");
    }
    if (thrown instanceof IllegalArgumentException) {
      return new Failure(ExitStatus.USAGE, text(thrown));
    }
    if (thrown instanceof FileAlreadyExistsException exists) {
      return new Failure(ExitStatus.CANNOT_CREATE, alreadyThere(exists));
    }
    if (thrown instanceof NoSuchFileException missing) {
      return noFolder(missing);
    }
    if (thrown instanceof UncheckedIOException unchecked) {
      return ofIo(String.valueOf(unchecked.getMessage()), unchecked);
    }
    if (thrown instanceof IOException io) {
      return ofIo(text(io), io);
    }
    if (thrown instanceof OutOfMemoryError) {
      return new Failure(
          ExitStatus.INTERNAL,
          "out of memory (" + text(thrown) + "); give more: COPPICE_JAVA_OPTS=-Xmx1g, or -T 1");
    }
    return new Failure(
        ExitStatus.INTERNAL,
        "internal error, please report it with the output of --verbose: " + oneLine(thrown + ""));
  }

  private static Failure ofIo(String message, Exception io) {
    if (io instanceof AccessDeniedException denied) {
      return new Failure(ExitStatus.IO, denied.getFile() + ": permission denied");
    }
    if (io instanceof FileSystemException file && file.getReason() != null) {
      return new Failure(ExitStatus.IO, oneLine(file.getFile() + ": " + file.getReason()));
    }
    return new Failure(ExitStatus.IO, oneLine(message));
  }

  private static Failure noFolder(NoSuchFileException missing) {
    if (missing.getReason() != null) {
      return new Failure(
          ExitStatus.CANNOT_CREATE,
          oneLine(missing.getFile() + ": " + missing.getReason() + "; make it first"));
    }
    Path folder = Path.of(missing.getFile()).toAbsolutePath().getParent();
    return folder == null || Files.exists(folder)
        ? new Failure(ExitStatus.IO, missing.getFile() + ": it cannot be made here")
        : new Failure(
            ExitStatus.CANNOT_CREATE, "the folder " + folder + " does not exist; make it first");
  }

  /** Says what is in the way; only what merely exists can be replaced. */
  private static String alreadyThere(FileAlreadyExistsException exists) {
    String reason = exists.getReason() == null ? "it exists already" : exists.getReason();
    return oneLine(
        exists.getFile()
            + ": "
            + reason
            + (reason.equals("it exists already") ? "; --force replaces it" : ""));
  }

  private static String text(Throwable thrown) {
    String message = thrown.getMessage();
    return oneLine(message == null ? thrown.toString() : message);
  }

  private static String oneLine(String text) {
    return text.strip().replaceAll("\\s*\\R\\s*", " ");
  }
}
