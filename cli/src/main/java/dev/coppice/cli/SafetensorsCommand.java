package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** A command that writes a model as one safetensors file. */
abstract class SafetensorsCommand extends SessionCommand {
  private static final String ENDING = ".safetensors";

  private final long begin = System.nanoTime();

  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "OUT.safetensors",
      description = "Where the model goes: one file.")
  @Nullable Path output;

  @Option(names = "--force", description = "Replace what exists.")
  boolean force;

  /** Gives the output; refuses one whose name says that it is something else than it will be. */
  final Path target() {
    Path target = Objects.requireNonNull(output);
    if (!target.toString().endsWith(ENDING)) {
      throw new InvalidPlanException("the output is one file *" + ENDING + ", not " + target);
    }
    return target;
  }

  final double seconds() {
    return (System.nanoTime() - begin) * 1e-9;
  }

  /** Says what was written. */
  final void wrote(String what, double seconds) {
    Figures.wrapped(
            "Wrote %s: %s in %s."
                .formatted(Figures.printable(target().toString()), what, Figures.seconds(seconds)),
            width())
        .forEach(this::print);
  }
}
