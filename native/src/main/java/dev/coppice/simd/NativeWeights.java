package dev.coppice.simd;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Dense;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Part;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongUnaryOperator;
import java.util.stream.Collectors;
import org.bytedeco.javacpp.Pointer;
import org.jspecify.annotations.Nullable;

/** A layer as coppice.h takes it, and the memory that it points to. */
final class NativeWeights {
  private static final ByteBuffer NONE = ByteBuffer.allocateDirect(0);

  private final LinearWeights weights;
  private final List<Object> memory = new ArrayList<>();
  private final long[] description;
  private final LongUnaryOperator stored;

  NativeWeights(LinearWeights weights, Optional<Tensor> bias) {
    this.weights = weights;
    Map<String, ByteBuffer> parts =
        weights instanceof Dense dense
            ? Map.of("values", values(dense))
            : weights.parts().stream().collect(Collectors.toMap(Part::name, Part::data));
    this.description =
        new long[] {
          number(weights.format()),
          NativeKernels.number(weights.dtype()),
          weights.out(),
          weights.in(),
          address(parts.get("values")),
          address(parts.get(index(weights.format()))),
          address(parts.get("offsets")),
          address(bias.map(NativeWeights::copy).orElse(null))
        };
    this.stored = stored(weights, parts);
  }

  LinearWeights weights() {
    return weights;
  }

  /** Gives the fields of {@code coppice_weights}; they are valid while this is reachable. */
  long[] description() {
    return description;
  }

  /** Gives about how many bytes the rows before {@code row} take. */
  long bytesBefore(long row) {
    return stored.applyAsLong(row) * weights.dtype().bytes() + row * weights.in() / 8;
  }

  private static LongUnaryOperator stored(LinearWeights weights, Map<String, ByteBuffer> parts) {
    ByteBuffer offsets = parts.getOrDefault("offsets", NONE);
    return switch (weights.format()) {
      case DENSE -> row -> row * weights.in();
      case TWO_FOUR -> row -> row * weights.in() / 2;
      case BITMAP -> row -> offsets.getLong((int) row * Long.BYTES);
      case CSR -> row -> 2L * offsets.getInt((int) row * Integer.BYTES);
    };
  }

  private static int number(Format format) {
    return switch (format) {
      case DENSE -> 0;
      case TWO_FOUR -> 1;
      case BITMAP -> 2;
      case CSR -> 3;
    };
  }

  private static String index(Format format) {
    return switch (format) {
      case DENSE -> "none";
      case TWO_FOUR -> "positions";
      case BITMAP -> "bits";
      case CSR -> "columns";
    };
  }

  /** Gives the values where they lie, as far as a buffer reaches; those on the heap are copied. */
  private static ByteBuffer values(Dense dense) {
    return dense.weights().view(0, 1).orElseGet(() -> dense.parts().get(0).data());
  }

  private static ByteBuffer copy(Tensor bias) {
    DType dtype = bias.dtype();
    ByteBuffer copy =
        ByteBuffer.allocateDirect((int) bias.shape().elements() * dtype.bytes())
            .order(ByteOrder.LITTLE_ENDIAN);
    bias.read(0, copy);
    return copy;
  }

  private long address(@Nullable ByteBuffer part) {
    if (part == null) {
      return 0;
    }
    memory.add(part);
    return new Pointer(part).address();
  }
}
