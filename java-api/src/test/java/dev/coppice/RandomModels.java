package dev.coppice;

import dev.coppice.PruningOracle.Model;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Random models for the contract of backends, and the kinds of memory that they are laid in. */
final class RandomModels {
  /** Where a tensor's memory is. */
  enum Place {
    ARRAY,
    HEAP_BUFFER,
    DIRECT_BUFFER
  }

  private RandomModels() {}

  static List<Model> models(Random random, DType... dtypes) {
    List<Model> models = new ArrayList<>();
    String[] names = {"a", "b", "b\u00e9", "b\uffee", "b\ud83d\ude00", "z"}; // in UTF-8 order
    for (int i = 0; i < names.length; i++) {
      DType dtype = dtypes[i % dtypes.length];
      models.add(model(names[i], dtype, random, 1 + random.nextInt(20), 1 + random.nextInt(90)));
    }
    return models;
  }

  /**
   * Makes weights of few different values, so that ties are everywhere, some of them zero, some
   * infinite.
   */
  static Model model(String name, DType dtype, Random random, long... shape) {
    int n = (int) Shape.of(shape).elements();
    int[] bits = new int[n];
    int values = 2 + random.nextInt(40);
    for (int i = 0; i < n; i++) {
      float value = random.nextInt(values) / 8f * (random.nextBoolean() ? 1 : -1);
      bits[i] = bits(dtype, random.nextInt(200) == 0 ? Float.POSITIVE_INFINITY : value);
    }
    return new Model(name, dtype, bits, shape);
  }

  static int bits(DType dtype, float value) {
    int bits = Float.floatToRawIntBits(value);
    return switch (dtype) {
      case F32 -> bits;
      case BF16 -> bits >>> 16;
      case F16 -> half(value);
    };
  }

  static int half(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 16 & 0x8000;
    float size = Math.abs(value);
    if (size >= 65520) {
      return sign | 0x7C00;
    }
    if (size < 0x1p-14f) {
      return sign | (int) (size * 0x1p24f);
    }
    int bits = Float.floatToRawIntBits(size);
    return sign | (((bits >>> 23) - 112) << 10) | ((bits >>> 13) & 0x3FF);
  }

  static void sprinkleNans(List<Model> models, Random random) {
    for (Model m : models) {
      for (int i = 0; i < m.bits.length; i++) {
        if (random.nextInt(9) == 0) {
          m.bits[i] = m.dtype.largestKey() + 1 + random.nextInt(50);
        }
      }
    }
  }

  static void lay(
      Model m,
      Place place,
      Map<String, ByteBuffer> memory,
      Map<String, Tensor> tensors,
      List<Runnable> fetch) {
    ByteBuffer bytes = direct(m);
    long[] shape = m.shape.toArray();
    if (place == Place.ARRAY && m.dtype == DType.F32) {
      float[] array = new float[m.bits.length];
      bytes.asFloatBuffer().get(array);
      tensors.put(m.name, Tensor.of(array, shape));
      fetch.add(() -> bytes.asFloatBuffer().put(array));
    } else if (place == Place.ARRAY) {
      short[] array = new short[m.bits.length];
      bytes.asShortBuffer().get(array);
      tensors.put(m.name, Tensor.of(m.dtype, array, shape));
      fetch.add(() -> bytes.asShortBuffer().put(array));
    } else if (place == Place.HEAP_BUFFER) {
      ByteBuffer heap = ByteBuffer.allocate(bytes.capacity());
      heap.put(bytes.duplicate()).flip();
      tensors.put(m.name, Tensor.of(m.dtype, heap, shape));
      fetch.add(() -> bytes.duplicate().put(heap.duplicate()));
    } else {
      tensors.put(m.name, Tensor.of(m.dtype, bytes, shape));
    }
    memory.put(m.name, bytes);
  }

  static ByteBuffer direct(Model m) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(m.bits.length * m.dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < m.bits.length; i++) {
      if (m.dtype.bytes() == 4) {
        bytes.putInt(4 * i, m.bits[i]);
      } else {
        bytes.putShort(2 * i, (short) m.bits[i]);
      }
    }
    return bytes;
  }
}
