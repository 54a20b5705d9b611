package dev.coppice;

import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Weights;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A tensor of a checkpoint as a backend sees it: read from the input, written to the output. */
record CheckpointWeights(Checkpoint checkpoint, Selection.Taken taken, Sink sink)
    implements Weights {
  /** Takes what is written. */
  @FunctionalInterface
  interface Sink {
    void write(CheckpointTensor tensor, long first, ByteBuffer from) throws IOException;
  }

  @Override
  public String name() {
    return taken.tensor().name();
  }

  @Override
  public DType dtype() {
    return taken.tensor().dtype().orElseThrow();
  }

  @Override
  public Shape shape() {
    return taken.tensor().shape();
  }

  @Override
  public Axes axes() {
    return taken.axes();
  }

  @Override
  public void read(long first, ByteBuffer into) throws IOException {
    checkpoint.read(taken.tensor(), first, into);
  }

  @Override
  public void write(long first, ByteBuffer from) throws IOException {
    sink.write(taken.tensor(), first, from);
  }
}
