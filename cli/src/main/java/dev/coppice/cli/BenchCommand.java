package dev.coppice.cli;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
    name = "bench",
    header = "Measure what sparse weights gain in products on this machine.%n",
    sortOptions = false,
    subcommands = {BenchLayerCommand.class, BenchModelCommand.class},
    commandListHeading = "%nCommands:%n",
    description = {
      "Times y = x W^T + b with the weights in each format that can hold them: dense, 2:4, bitmap,"
          + " csr; by everything that is installed: Coppice's own products and libraries. A sparse"
          + " format is chosen only where it is faster than the best dense product there is, beyond"
          + " the noise of the measurement.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  What half of the weights gone would gain in a layer of that size:",
      "    coppice bench layer --shape 4096x14336 --batch 1,8,64 --sparsity 0.5",
      "  What the zeros that a model has gain, layer by layer:",
      "    coppice bench model pruned.safetensors"
    })
final class BenchCommand extends SessionCommand {
  @Spec @Nullable CommandSpec spec;

  @Override
  public Integer call() {
    throw new ParameterException(
        Objects.requireNonNull(spec).commandLine(), "a command is missing: layer or model");
  }
}
