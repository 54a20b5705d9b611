package dev.coppice.cli;

import dev.coppice.Cancellation;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.OptionalInt;

/** A command that was run within this process, and what it printed. */
record Invocation(int status, String out, String err) {
  static Invocation of(Object... arguments) {
    return with(OptionalInt.empty(), new Cancellation(), arguments);
  }

  static Invocation with(OptionalInt width, Cancellation cancellation, Object... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    Console console =
        new Console(
            new PrintStream(out, false, StandardCharsets.UTF_8),
            new PrintStream(err, false, StandardCharsets.UTF_8),
            width,
            false,
            false);
    String[] words = Arrays.stream(arguments).map(Object::toString).toArray(String[]::new);
    int status = Coppice.run(words, new Session(console, cancellation));
    return new Invocation(
        status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }
}
