package sample;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Tensor;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** Prunes an array, a buffer and a checkpoint. */
public final class Prune {
  private Prune() {}

  /** Takes a model and where its pruned copy goes. */
  public static void main(String[] args) throws IOException {
    PruningPlan half = PruningPlan.of(Rule.unstructured(0.5));
    float[] array = {4, -1, 3, -2, 8, 5, -7, 6};
    ByteBuffer direct = ByteBuffer.allocateDirect(1 << 20);
    try (Pruner pruner = Pruner.create();
        Checkpoint model = Checkpoints.open(Path.of(args[0]))) {
      System.out.println("backend " + pruner.backend());
      System.out.println("array " + pruner.prune(Tensor.of(array, 2, 4), half).zeros());
      System.out.println("buffer " + pruner.prune(Tensor.of(DType.BF16, direct, 512, 1024), half).zeros());
      System.out.println("checkpoint " + pruner.prune(model, half, Path.of(args[1]), true).pruned());
    }
  }
}
