package dev.coppice.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Where a command prints, and what can be shown there.
 *
 * @param width the columns of the terminal that {@code out} is; nothing if it is none
 * @param colours whether {@code out} shows colours
 * @param live whether {@code err} is a terminal, on which a line can be drawn again
 */
record Console(PrintStream out, PrintStream err, OptionalInt width, boolean colours, boolean live) {
  private static final int USUAL_WIDTH = 80;

  /** Finds out about the process's own streams. */
  static Console system() {
    Map<String, String> environment = System.getenv();
    boolean terminal = isTerminal(1);
    boolean plain =
        !environment.getOrDefault("NO_COLOR", "").isEmpty()
            || environment.getOrDefault("TERM", "dumb").equals("dumb");
    return new Console(
        stream(FileDescriptor.out),
        stream(FileDescriptor.err),
        terminal ? OptionalInt.of(width(environment.get("COLUMNS"))) : OptionalInt.empty(),
        terminal && !plain,
        isTerminal(2) && !environment.getOrDefault("TERM", "dumb").equals("dumb"));
  }

  private static PrintStream stream(FileDescriptor descriptor) {
    return new PrintStream(
        new BufferedOutputStream(new Listened(descriptor), 1 << 16), false, StandardCharsets.UTF_8);
  }

  /** A reader that has gone, as head does, has read enough: that is no failure. */
  private static final class Listened extends FileOutputStream {
    Listened(FileDescriptor descriptor) {
      super(descriptor);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      try {
        super.write(bytes, offset, length);
      } catch (IOException e) {
        if (!"Broken pipe".equals(e.getMessage())) {
          throw e;
        }
      }
    }
  }

  /** Java tells only of both streams together, and not at all from version 22 on. */
  private static boolean isTerminal(int descriptor) {
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + descriptor)).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException | UnsupportedOperationException e) {
      return Boolean.getBoolean("coppice.terminal" + descriptor);
    }
  }

  private static int width(@Nullable String columns) {
    try {
      return columns == null ? USUAL_WIDTH : Math.max(20, Integer.parseInt(columns));
    } catch (NumberFormatException e) {
      return USUAL_WIDTH;
    }
  }

  /** Puts text in bold where that can be shown. */
  String bold(String text) {
    return colours ? "\u001B[1m" + text + "\u001B[0m" : text;
  }

  /** Prints a line that somebody should not miss. */
  void warn(String text) {
    out.flush();
    err.println(live && colours ? "\u001B[33m" + text + "\u001B[0m" : text);
    err.flush();
  }

  void flush() {
    out.flush();
    err.flush();
  }
}
