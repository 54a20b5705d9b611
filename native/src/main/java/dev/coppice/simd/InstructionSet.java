package dev.coppice.simd;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The instruction sets that the kernels are compiled for, with their numbers in coppice.h. */
enum InstructionSet {
  BASELINE(0, "baseline"),
  AVX2(1, "AVX2"),
  AVX512(2, "AVX-512");

  private final int number;
  private final String title;

  InstructionSet(int number, String title) {
    this.number = number;
    this.title = title;
  }

  /** Gives its name for people. */
  String title() {
    return title;
  }

  /**
   * Makes all calls of the process use it.
   *
   * @return false if this processor or library lacks it
   */
  boolean use() {
    int isa = number;
    return CoppiceNative.coppice_use_isa(isa) != 0;
  }

  /** Gives the best one of this processor. */
  static InstructionSet best() {
    return values()[CoppiceNative.coppice_best_isa()];
  }

  /**
   * Gives the one that is called {@code name}: {@code baseline}, {@code avx2}, {@code avx512}.
   *
   * @throws IllegalArgumentException if there is none
   */
  static InstructionSet named(String name) {
    return Arrays.stream(values())
        .filter(set -> set.key().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "coppice.native.isa must be one of "
                        + Arrays.stream(values())
                            .map(InstructionSet::key)
                            .collect(Collectors.joining(", "))
                        + ", not "
                        + name));
  }

  private String key() {
    return name().toLowerCase(Locale.ROOT);
  }
}
