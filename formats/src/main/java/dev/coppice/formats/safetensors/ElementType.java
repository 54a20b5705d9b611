package dev.coppice.formats.safetensors;

import dev.coppice.DType;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The element types of the format, under the names that files use, with their size in bits. */
enum ElementType {
  BOOL(8),
  F4(4),
  F6_E2M3(6),
  F6_E3M2(6),
  U8(8),
  I8(8),
  F8_E5M2(8),
  F8_E4M3(8),
  F8_E8M0(8),
  F8_E4M3FNUZ(8),
  F8_E5M2FNUZ(8),
  I16(16),
  U16(16),
  F16(16),
  BF16(16),
  I32(32),
  U32(32),
  F32(32),
  C64(64),
  F64(64),
  I64(64),
  U64(64);

  private static final Map<String, ElementType> BY_NAME =
      Arrays.stream(values()).collect(Collectors.toMap(Enum::name, Function.identity()));

  private final int bits;
  private final Optional<DType> dtype;

  ElementType(int bits) {
    this.bits = bits;
    this.dtype = Arrays.stream(DType.values()).filter(d -> d.name().equals(name())).findAny();
  }

  static Optional<ElementType> of(String name) {
    return Optional.ofNullable(BY_NAME.get(name));
  }

  int bits() {
    return bits;
  }

  /** Gives the type that pruning knows it by, if its weights can be pruned. */
  Optional<DType> dtype() {
    return dtype;
  }
}
