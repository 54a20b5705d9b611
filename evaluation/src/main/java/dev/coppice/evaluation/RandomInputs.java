package dev.coppice.evaluation;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import ai.onnxruntime.platform.Fp16Conversions;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;

/**
 * Inputs that a model can be run with, drawn from a seed. Numbers are uniform in [-1, 1). Integers
 * stay within the tables that they index; those that index none are 0 or 1, as masks are, where
 * each row begins with 1, or 1 where they may be a length.
 */
final class RandomInputs {
  /** Why a model can be given no inputs. */
  static final class Impossible extends Exception {
    private static final long serialVersionUID = 1;

    Impossible(String reason) {
      super(reason);
    }
  }

  private static final long MOST_BYTES = 1L << 30;
  private static final Set<OnnxJavaType> BYTES = EnumSet.of(OnnxJavaType.INT8, OnnxJavaType.UINT8);

  /** What byte images are drawn below: both signed and unsigned bytes hold that. */
  private static final int SHADES = 128;

  private final Map<String, InputBounds.Range> bounds;
  private final Map<String, long[]> sizes;

  /**
   * Prepares to draw inputs.
   *
   * @param bounds what their integers are held within, by name
   * @param sizes the inputs' shapes, by name
   */
  RandomInputs(Map<String, InputBounds.Range> bounds, Map<String, long[]> sizes) {
    this.bounds = bounds;
    this.sizes = sizes;
  }

  /** Gives tensors for all inputs of a model, to be closed by the caller. */
  Map<String, OnnxTensor> draw(OnnxModel model, long seed) throws OrtException, Impossible {
    Map<String, OnnxTensor> tensors = new LinkedHashMap<>();
    try {
      for (NodeInfo input : model.inputInfo().values()) {
        tensors.put(input.getName(), draw(input, seed));
      }
      return Map.copyOf(tensors);
    } catch (OrtException | RuntimeException | Impossible e) {
      tensors.values().forEach(OnnxTensor::close);
      throw e;
    }
  }

  private OnnxTensor draw(NodeInfo input, long seed) throws OrtException, Impossible {
    String name = input.getName();
    if (!(input.getInfo() instanceof TensorInfo info)) {
      throw new Impossible("the input \"" + name + "\" is no tensor");
    }
    if (info.type == OnnxJavaType.STRING || info.type == OnnxJavaType.UNKNOWN) {
      throw new Impossible("the input \"" + name + "\" takes no numbers");
    }
    if (OnnxModel.isMistakenForSigned(info)) {
      throw new Impossible(
          "the input \"" + name + "\" takes unsigned numbers, which Java cannot give ONNX Runtime");
    }
    long[] shape = sizes.get(name);
    if (shape == null) {
      throw new Impossible("the shape of the input \"" + name + "\" is not known");
    }
    int count = count(name, shape, info.type.size);
    ByteBuffer values =
        ByteBuffer.allocateDirect(count * info.type.size).order(ByteOrder.nativeOrder());
    Random random = new Random(31 * seed + name.hashCode());
    Optional<InputBounds.Range> range = Optional.ofNullable(bounds.get(name));
    int row = shape.length < 2 ? 1 : (int) shape[shape.length - 1];
    for (int i = 0; i < count; i++) {
      if (isFloat(info.type)) {
        put(values, info.type, 2 * random.nextFloat() - 1);
      } else {
        put(values, info.type, integer(random, range, i % row == 0, info.type, shape));
      }
    }
    return OnnxTensor.createTensor(OnnxModel.ENVIRONMENT, values.flip(), shape, info.type);
  }

  private static int count(String name, long[] shape, int size) throws Impossible {
    long bytes = size;
    for (long dimension : shape) {
      bytes = dimension > MOST_BYTES ? Long.MAX_VALUE : bytes * dimension;
      if (bytes > MOST_BYTES) {
        throw new Impossible("the input \"" + name + "\" is larger than 1 GiB");
      }
    }
    return (int) (bytes / size);
  }

  private static long integer(
      Random random,
      Optional<InputBounds.Range> range,
      boolean first,
      OnnxJavaType type,
      long[] shape) {
    if (range.isPresent()) {
      return random.nextLong(range.get().from(), range.get().below());
    }
    if (BYTES.contains(type) && shape.length > 2) {
      return random.nextInt(SHADES);
    }
    return first ? 1 : random.nextInt(2);
  }

  private static boolean isFloat(OnnxJavaType type) {
    return switch (type) {
      case FLOAT, DOUBLE, FLOAT16, BFLOAT16 -> true;
      default -> false;
    };
  }

  private static void put(ByteBuffer values, OnnxJavaType type, float value) {
    switch (type) {
      case DOUBLE -> values.putDouble(value);
      case FLOAT16 -> values.putShort(Fp16Conversions.floatToFp16(value));
      case BFLOAT16 -> values.putShort(Fp16Conversions.floatToBf16(value));
      default -> values.putFloat(value);
    }
  }

  private static void put(ByteBuffer values, OnnxJavaType type, long value) {
    switch (type) {
      case INT64 -> values.putLong(value);
      case INT32 -> values.putInt((int) value);
      case INT16 -> values.putShort((short) value);
      default -> values.put((byte) value); // INT8, UINT8 and BOOL.
    }
  }
}
