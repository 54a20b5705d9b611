package dev.coppice.cli;

import dev.coppice.formats.safetensors.CompressedCheckpoint;
import dev.coppice.formats.safetensors.Compression;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "decompress",
    header = "Give the model back that was compressed.%n",
    sortOptions = false,
    description = {
      "Writes the model that coppice compress was given: the same file, byte for byte. If that was"
          + " in shards, one file with the same tensors.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  coppice decompress small.safetensors -o pruned.safetensors",
      "  coppice compare small.safetensors pruned.safetensors"
    })
final class DecompressCommand extends SafetensorsCommand {
  @Parameters(
      paramLabel = "MODEL",
      description = "What coppice compress wrote: a safetensors file, or a folder with it.")
  @Nullable Path model;

  @Override
  public Integer call() throws IOException {
    Path target = target();
    try (CompressedCheckpoint checkpoint =
            Models.input(Objects.requireNonNull(model), CompressedCheckpoint::open);
        ProgressBar bar = progressBar()) {
      long bytes = Compression.decompress(checkpoint, target, force, execution(bar));
      bar.clear();
      wrote(
          "%s from %s, %s decompressed,"
              .formatted(
                  Figures.bytes(bytes),
                  Figures.bytes(checkpoint.bytes()),
                  Figures.counted(checkpoint.names().size(), "tensor")),
          seconds());
    }
    return ExitStatus.OK;
  }
}
