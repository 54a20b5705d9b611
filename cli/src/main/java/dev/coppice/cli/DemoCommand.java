package dev.coppice.cli;

import dev.coppice.evaluation.Demo;
import dev.coppice.evaluation.OnnxRuntime;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "demo",
    header = "Shrink and prune real models and measure what it gains and costs.%n",
    sortOptions = false,
    description = {
      "Makes real models smaller, two image classifiers and the sentence encoder"
          + " all-MiniLM-L6-v2, proves and repairs them, then puts zeros into two, runs each with"
          + " ONNX Runtime and shows what was gained and lost.",
      "",
      "The encoder and ONNX Runtime came from Maven Central when Coppice was built; no run needs a"
          + " network. Takes 500 MB of disk.",
      ""
    },
    footer = {"", "Examples:", "  ./coppice demo", "  ./coppice demo --quick --work /tmp/demo"})
final class DemoCommand extends SessionCommand {
  @Option(
      names = "--work",
      paramLabel = "FOLDER",
      description = "Where models are put (default: coppice/demo in your cache folder).")
  @Nullable String work;

  @Option(names = "--quick", description = "Fewer models and copies, and a thousand images.")
  boolean quick;

  @Option(
      names = "--images",
      paramLabel = "FOLDER",
      description =
          "Where the 10,000 test images of Fashion-MNIST are, the first thousand of them to"
              + " calibrate on; without it the first thousand are used, 400 to calibrate.")
  @Nullable String images;

  @Override
  public Integer call() {
    List<String> arguments = new ArrayList<>();
    if (work != null) {
      arguments.addAll(List.of("--work", work));
    }
    if (images != null) {
      arguments.addAll(List.of("--images", images));
    }
    if (quick) {
      arguments.add("--quick");
    }
    OnnxRuntime.missing()
        .ifPresent(
            why -> {
              throw new Failure.Refusal(
                  ExitStatus.UNAVAILABLE,
                  "the demo runs models, which cannot be done here: " + why);
            });
    console().flush();
    return Demo.run(
        arguments, byLine(console().out()), byLine(console().err()), console().colours());
  }

  /** Shows each line when it is whole: the demo takes its time. */
  private static PrintStream byLine(PrintStream stream) {
    return new PrintStream(stream, true, StandardCharsets.UTF_8);
  }
}
