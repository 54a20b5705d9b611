package dev.coppice;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The names that are left alone unless a rule says otherwise: what a model hardly bears to lose.
 */
final class DefaultExclusions {
  private static final List<String> ENDINGS =
      List.of(
          "embed",
          "embedding",
          "embeddings",
          "embed_tokens",
          "wte",
          "wpe",
          "norm",
          "layernorm",
          "ln_1",
          "ln_2",
          "ln_f",
          "lm_head",
          "router",
          "gate_inp",
          "pooler");

  private DefaultExclusions() {}

  /** Gives the segment of the name, between dots or slashes, for which it is left alone. */
  static Optional<String> segment(String name) {
    for (String segment : name.split("[./]", -1)) {
      String lower = segment.toLowerCase(Locale.ROOT);
      if (ENDINGS.stream().anyMatch(lower::endsWith)) {
        return Optional.of(segment);
      }
    }
    return Optional.empty();
  }
}
