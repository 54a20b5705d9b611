package dev.coppice.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Cancellation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CommandLineTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "prune",
        "shrink",
        "sparsify",
        "advise",
        "inspect",
        "compare",
        "compress",
        "decompress",
        "backends",
        "demo",
        "completion"
      })
  void everyCommandTeachesByExamples(String command) {
    Invocation help = Invocation.of(command, "--help");
    assertThat(help.status()).isZero();
    assertThat(help.out())
        .contains("Usage: coppice " + command)
        .contains("Examples:")
        .containsPattern("  (\\./|source <\\()?coppice " + command);
    assertThat(Invocation.of("help", command).out()).isEqualTo(help.out());
  }

  @Test
  void helpFitsAnOrdinaryTerminal() {
    for (String command :
        new String[] {
          "prune",
          "shrink",
          "sparsify",
          "advise",
          "inspect",
          "compare",
          "compress",
          "decompress",
          "backends",
          "demo"
        }) {
      assertThat(Invocation.of(command, "--help").out().lines())
          .allMatch(line -> line.length() <= 80);
    }
  }

  @Test
  void theCommandsAreListedWithTheExitStatuses() {
    assertThat(Invocation.of("--help").out())
        .contains(
            "prune",
            "shrink",
            "sparsify",
            "advise",
            "inspect",
            "compare",
            "compress",
            "decompress",
            "backends",
            "demo",
            "completion",
            "130 cancelled");
  }

  @Test
  void theVersionIsThatOfTheBuild() {
    assertThat(Invocation.of("--version").out())
        .containsPattern("coppice \\d+\\.\\d+")
        .contains("Java " + System.getProperty("java.version"));
  }

  @Test
  void aMissingOrUnknownCommandIsAUsageError() {
    Invocation none = Invocation.of();
    assertThat(none.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(none.err()).isEqualTo("coppice: a command is missing; see coppice --help\n");
    Invocation unknown = Invocation.of("trim");
    assertThat(unknown.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(unknown.err()).startsWith("coppice: unknown command 'trim'");
    assertThat(Invocation.of("prunee", "model.onnx").err())
        .isEqualTo("coppice: unknown command 'prunee' (did you mean prune?); see coppice --help\n");
  }

  @Test
  void aHeapThatIsTooSmallIsOneLineAndNoStackTrace() {
    OutputStream memory =
        new OutputStream() {
          @Override
          public void write(int b) {
            throw new OutOfMemoryError("Java heap space");
          }
        };
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    assertThat(completion(new PrintStream(memory), err)).isEqualTo(ExitStatus.INTERNAL);
    assertThat(err.toString(UTF_8))
        .startsWith("coppice: out of memory (Java heap space); give more: ")
        .hasLineCount(1);
  }

  @Test
  void whatCouldNotBePrintedIsAFailure() {
    OutputStream full =
        new OutputStream() {
          @Override
          public void write(int b) throws IOException {
            throw new IOException("No space left on device");
          }
        };
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    assertThat(completion(new PrintStream(full), err)).isEqualTo(ExitStatus.IO);
    assertThat(err.toString(UTF_8))
        .isEqualTo("coppice: the standard output could not be written whole\n");
  }

  private static int completion(PrintStream out, ByteArrayOutputStream err) {
    Console console =
        new Console(out, new PrintStream(err, true, UTF_8), OptionalInt.empty(), false, false);
    Session session = new Session(console, new Cancellation());
    return Coppice.run(new String[] {"completion"}, session);
  }

  @Test
  void theCompletionScriptKnowsCommandsOptionsAndTheirWords() {
    Invocation completion = Invocation.of("completion");
    assertThat(completion.status()).isZero();
    assertThat(completion.out())
        .contains("complete -F _complete_coppice -o default coppice")
        .contains(
            "prune shrink sparsify advise bench inspect compare compress decompress backends demo"
                + " completion help")
        .contains("--max-per-tensor", "--device")
        .contains("CRITERION_option_args=(\"magnitude\" \"random\")");
  }

  @Test
  void backendsSayWhetherTheyCanBeUsed() {
    Invocation backends = Invocation.of("backends", "--no-measure");
    assertThat(backends.status()).isZero();
    assertThat(backends.out())
        .containsPattern("reference +- +\\S+")
        .contains("(auto takes this one)");
  }

  @Test
  void backendsAreMeasuredBesideTheMemory() {
    Invocation backends = Invocation.of("backends");
    assertThat(backends.status()).isZero();
    assertThat(backends.out())
        .containsPattern("Memory: reads \\d+\\.\\d+ GB/s, copies \\d+\\.\\d+ GB/s")
        .containsPattern("reference +\\d+\\.\\d+ GB/s");
  }

  @Test
  void aCancelledMeasurementEnds() {
    Cancellation cancellation = new Cancellation();
    cancellation.cancel();
    assertThat(Invocation.with(OptionalInt.empty(), cancellation, "backends").status())
        .isEqualTo(ExitStatus.CANCELLED);
  }
}
