package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.ByteString;
import dev.coppice.graph.Metric;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Proofs of what graph's own surgery makes of real models, and of what it must not make. */
class ProofTest {
  @TempDir Path folder;

  private static Proof prove(Path model, double macs) throws IOException {
    Shrinker shrinker = Shrinker.open(model, Map.of());
    Shrinkage done = shrinker.shrink(ShrinkRequest.of(Metric.MACS, macs));
    return Proof.of(done, shrinker.sizes(), Optional.empty());
  }

  @Test
  void aSmallerTransformerIsProven() throws IOException {
    assertThat(prove(MiniLm.model(folder), 0.5))
        .isInstanceOfSatisfying(
            Proof.Held.class,
            held -> {
              assertThat(held.differences()).containsOnlyKeys("last_hidden_state");
              assertThat(held.furthest()).isBetween(1e-9, 5e-6);
            });
  }

  @Test
  void smallerClassifiersAreProven() throws IOException {
    assertThat(prove(FashionMnist.classifier(folder), 0.5)).isInstanceOf(Proof.Held.class);
    assertThat(prove(SharedData.folder("fashion").resolve("fashion-mobile.onnx"), 0.5))
        .isInstanceOf(Proof.Held.class);
  }

  @Test
  void oneWrongChannelOfOneLayerIsFound() throws IOException {
    Shrinker shrinker = Shrinker.open(FashionMnist.classifier(folder), Map.of());
    Shrinkage done = shrinker.shrink(ShrinkRequest.of(Metric.MACS, 0.5));
    Prover prover = new Prover(shrinker.sizes(), Optional.empty());
    for (TensorProto weight : ModelProto.parseFrom(done.model()).getGraph().getInitializerList()) {
      if (weight.getDimsCount() == 4) {
        Proof proof = prover.prove(done::zeroed, () -> withHalfAChannel(done.model(), weight));
        assertThat(proof).as(weight.getName()).isInstanceOf(Proof.Failed.class);
        assertThat(((Proof.Failed) proof).what())
            .matches("output \"logits\" differs by \\d\\.\\de-0[1234] .*");
      }
    }
  }

  /** Gives a model in which the first output channel of a weight counts half. */
  private static byte[] withHalfAChannel(byte[] model, TensorProto weight) {
    try {
      ModelProto.Builder broken = ModelProto.parseFrom(model).toBuilder();
      for (TensorProto.Builder tensor : broken.getGraphBuilder().getInitializerBuilderList()) {
        if (tensor.getName().equals(weight.getName())) {
          ByteBuffer bytes =
              ByteBuffer.wrap(tensor.getRawData().toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
          int channel = bytes.limit() / (int) tensor.getDims(0);
          for (int at = 0; at < channel; at += Float.BYTES) {
            bytes.putFloat(at, bytes.getFloat(at) / 2);
          }
          tensor.setRawData(ByteString.copyFrom(bytes));
        }
      }
      return broken.build().toByteArray();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
