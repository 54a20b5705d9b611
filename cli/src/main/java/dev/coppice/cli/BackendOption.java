package dev.coppice.cli;

import dev.coppice.Backends;
import picocli.CommandLine.Option;

/** The option that names a backend, wherever there is one. */
final class BackendOption {
  static final class Names extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Names() {
      super("auto", "native", "reference", "cuda");
    }
  }

  @Option(
      names = "--backend",
      paramLabel = "NAME",
      completionCandidates = Names.class,
      description =
          "auto (default): the best that can be used and pays for the model's size. Or native,"
              + " reference, cuda: that one or none; coppice backends shows them.")
  String name = Backends.AUTO;
}
