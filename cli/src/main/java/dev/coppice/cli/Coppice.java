package dev.coppice.cli;

import dev.coppice.PruningCancelledException;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.Properties;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The whole command line: its commands, and what becomes of a failure. */
@Command(
    name = "coppice",
    versionProvider = Coppice.Version.class,
    description = {
      "Prunes neural networks: sets the weights that matter least to zero, exactly as many as asked"
          + " for, in safetensors and ONNX models.",
      ""
    },
    subcommands = {
      PruneCommand.class,
      ShrinkCommand.class,
      SparsifyCommand.class,
      AdviseCommand.class,
      BenchCommand.class,
      InspectCommand.class,
      CompareCommand.class,
      CompressCommand.class,
      DecompressCommand.class,
      BackendsCommand.class,
      DemoCommand.class,
      CompletionCommand.class,
      CommandLine.HelpCommand.class
    },
    commandListHeading = "%nCommands:%n",
    footer = {
      "",
      "Examples:",
      "  coppice inspect model.safetensors",
      "  coppice prune model.safetensors -o pruned.safetensors --sparsity 0.5",
      "  coppice compare model.safetensors pruned.safetensors",
      "",
      "coppice COMMAND --help says more about a command. Exit status: 0 done, 1 compare found a"
          + " difference, 64 usage or plan, 65 bad data, 66 no such input, 69 backend unavailable,"
          + " 70 internal error, 73 output exists or cannot be made, 74 input/output error,"
          + " 130 cancelled."
    })
final class Coppice implements SessionOwner, Runnable {
  private static final int WIDEST_HELP = 100;

  private final Session session;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  boolean help;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Show the version.")
  boolean version;

  @CommandLine.Spec CommandLine.Model.@Nullable CommandSpec spec;

  private Coppice(Session session) {
    this.session = session;
  }

  @Override
  public Session session() {
    return session;
  }

  /** Runs a command and gives its exit status. */
  static int run(String[] args, Session session) {
    Console console = session.console();
    int status;
    try {
      status = commandLine(session).execute(args);
    } catch (VirtualMachineError | LinkageError e) { // These pass picocli's handler by.
      Failure failure = Failure.of(e);
      error(console, failure.message());
      status = failure.status();
    }
    console.flush();
    if (console.out().checkError() && status <= ExitStatus.DIFFERENT) {
      error(console, "the standard output could not be written whole");
      return ExitStatus.IO;
    }
    return status;
  }

  static CommandLine commandLine(Session session) {
    Console console = session.console();
    CommandLine line = new CommandLine(new Coppice(session));
    line.setExpandAtFiles(false);
    line.setOut(new PrintWriter(console.out(), false, StandardCharsets.UTF_8));
    line.setErr(new PrintWriter(console.err(), false, StandardCharsets.UTF_8));
    line.setColorScheme(
        CommandLine.Help.defaultColorScheme(console.colours() ? Ansi.ON : Ansi.OFF));
    line.setUsageHelpWidth(Math.max(60, Math.min(console.width().orElse(80), WIDEST_HELP)));
    line.setParameterExceptionHandler((e, args) -> refuse(console, e));
    line.setExecutionExceptionHandler(
        (e, failed, parsed) -> {
          // Whatever fails once the process is ending fails for that.
          boolean cancelled = session.cancellation().isCancelled();
          return fail(console, cancelled ? new PruningCancelledException() : e, failed);
        });
    return line;
  }

  private static int refuse(Console console, ParameterException e) {
    String command = e.getCommandLine().getCommandSpec().qualifiedName();
    String message = wording(e).strip().replaceAll("\\s*\\R\\s*", " ");
    error(console, message + "; see " + command + " --help");
    return ExitStatus.USAGE;
  }

  /** Names the one word that is wrong, not those after it, and what may have been meant. */
  private static String wording(ParameterException e) {
    boolean command = e.getCommandLine().getParent() == null;
    if (!(e instanceof UnmatchedArgumentException wrong) || !(command || wrong.isUnknownOption())) {
      return String.valueOf(e.getMessage());
    }
    String kind = wrong.isUnknownOption() ? "option" : "command";
    return "unknown "
        + kind
        + " '"
        + wrong.getUnmatched().get(0)
        + "'"
        + wrong.getSuggestions().stream()
            .findFirst()
            .map(meant -> " (did you mean " + meant + "?)")
            .orElse("");
  }

  private static int fail(Console console, Throwable thrown, CommandLine command) {
    Failure failure = Failure.of(thrown);
    error(console, failure.message());
    if (command.getCommand() instanceof SessionCommand c && c.isVerbose()) {
      thrown.printStackTrace(console.err());
    }
    return failure.status();
  }

  private static void error(Console console, String message) {
    console.out().flush();
    console.err().println("coppice: " + Figures.printable(message));
    console.err().flush();
  }

  @Override
  public void run() {
    CommandLine.Model.CommandSpec own = Objects.requireNonNull(spec);
    throw new ParameterException(own.commandLine(), "a command is missing");
  }

  /** Gives its name and version, as reports have it. */
  static String tool() {
    return "coppice " + version();
  }

  static String version() {
    try (InputStream in = Coppice.class.getResourceAsStream("version.properties")) {
      Properties properties = new Properties();
      properties.load(Objects.requireNonNull(in));
      return properties.getProperty("version", "unknown");
    } catch (IOException e) {
      return "unknown";
    }
  }

  /** Says which version this is and what it runs on. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {
        tool(),
        "Java %s (%s), %s %s"
            .formatted(
                System.getProperty("java.version"),
                System.getProperty("java.vm.name"),
                System.getProperty("os.name"),
                System.getProperty("os.arch"))
      };
    }
  }
}
