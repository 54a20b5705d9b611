package dev.coppice.cli;

import dev.coppice.ProgressListener;
import dev.coppice.PruningCancelledException;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** What all commands have: somewhere to print, and how much of it. */
abstract class SessionCommand implements SessionOwner, Callable<Integer> {
  static final int LARGE_SLICE = 1 << 20;

  @ParentCommand @Nullable SessionOwner parent;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = {"-q", "--quiet"},
      description = "Print nothing but errors and warnings.")
  boolean quiet;

  @Option(
      names = {"-v", "--verbose"},
      description = "Print everything in full length; errors with their stack trace.")
  boolean verbose;

  @Override
  public final Session session() {
    return Objects.requireNonNull(parent).session();
  }

  final Console console() {
    return session().console();
  }

  final boolean isVerbose() {
    return verbose;
  }

  final void print(String line) {
    if (!quiet) {
      console().out().println(line);
    }
  }

  /** Prints a step of what takes long, at once; ends there if it was cancelled. */
  final void tell(String line) {
    print(line);
    console().flush();
    if (session().cancellation().isCancelled()) {
      throw new PruningCancelledException();
    }
  }

  /** Gives the width that text is fitted to; nothing where it is not. */
  final OptionalInt width() {
    return verbose ? OptionalInt.empty() : console().width();
  }

  final ProgressBar progressBar() {
    return new ProgressBar(console(), !quiet);
  }

  /** Prepares to pass over data with all threads. */
  final Execution execution(ProgressListener listener) {
    return new Execution(
        WorkPool.shared(),
        Integer.MAX_VALUE,
        LARGE_SLICE,
        session().cancellation()::isCancelled,
        listener);
  }
}
