package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Shape;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** The arrays of a safetensors file; samples are read where they lie. */
final class SafetensorsArrays implements ArrayFile {
  private record Found(Checkpoint file, CheckpointTensor tensor, NumberType type)
      implements StoredArray {
    @Override
    public String name() {
      return tensor.name();
    }

    @Override
    public Shape shape() {
      return tensor.shape();
    }

    @Override
    public Reader open(int[] picks) {
      long bytes = sampleBytes();
      return (sample, into) -> file.readBytes(tensor, sample * bytes, into);
    }
  }

  private final Checkpoint file;

  private SafetensorsArrays(Checkpoint file) {
    this.file = file;
  }

  static SafetensorsArrays open(Path path) throws IOException {
    Checkpoint file = Checkpoints.open(path);
    if (!file.format().equals("safetensors")) {
      file.close();
      throw CheckpointFormatException.of(Code.UNSUPPORTED, path, "is not a safetensors file");
    }
    return new SafetensorsArrays(file);
  }

  @Override
  public Path path() {
    return file.path();
  }

  @Override
  public Optional<Found> find(String name) {
    return file.tensors().stream().filter(t -> t.name().equals(name)).findAny().map(this::found);
  }

  private Found found(CheckpointTensor tensor) {
    NumberType type =
        NumberType.named(tensor.type())
            .orElseThrow(
                () ->
                    refused(
                        Code.DTYPE, tensor.name(), "is of type " + tensor.type() + ", not read"));
    return new Found(file, tensor, type);
  }

  @Override
  public void close() {
    file.close();
  }
}
