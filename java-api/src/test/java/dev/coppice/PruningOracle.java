package dev.coppice;

import dev.coppice.spi.Philox;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * SPEC.md by sorting: slow, short, and without a line of the product's but its value types and
 * Philox.
 */
final class PruningOracle {
  /** One tensor's bits and what became of them. */
  static final class Model {
    final String name;
    final DType dtype;
    final Shape shape;
    final int[] bits;

    Model(String name, DType dtype, int[] bits, long... shape) {
      this.name = name;
      this.dtype = dtype;
      this.bits = bits;
      this.shape = Shape.of(shape);
    }

    int key(int i) {
      return bits[i] & (dtype == DType.F32 ? 0x7FFF_FFFF : 0x7FFF);
    }

    boolean isNan(int i) {
      return key(i) > dtype.largestKey();
    }

    double magnitude(int i) {
      int key = key(i);
      return switch (dtype) {
        case F32 -> Float.intBitsToFloat(key);
        case BF16 -> Float.intBitsToFloat(key << 16);
        case F16 -> {
          int exponent = key >> 10;
          double fraction = (key & 1023) / 1024.0;
          yield exponent == 31
              ? Double.POSITIVE_INFINITY
              : exponent == 0
                  ? fraction * Math.pow(2, -14)
                  : (1 + fraction) * Math.pow(2, exponent - 15);
        }
      };
    }
  }

  private record Element(Model model, int index, double score) {}

  private PruningOracle() {}

  /** Prunes models, given in the order of their names, as rule and seed say. */
  static void prune(List<Model> models, Rule rule, long seed) {
    if (rule.pattern() instanceof Pattern.NofM nOfM) {
      models.forEach(m -> groups(m, rule, nOfM, seed));
      return;
    }
    Pattern.Unstructured pattern = (Pattern.Unstructured) rule.pattern();
    switch (pattern.scope()) {
      case GLOBAL -> global(models, rule, pattern, seed);
      case TENSOR -> models.forEach(m -> pruneScope(elements(m, rule, seed), pattern.amount()));
      case ROW ->
          models.forEach(
              m -> {
                int axis = rule.outputAxis().orElse(0);
                for (long row = 0; row < m.shape.dimension(axis); row++) {
                  long wanted = row;
                  long inner = m.shape.after(axis);
                  pruneScope(
                      elements(m, rule, seed).stream()
                          .filter(e -> e.index / inner % m.shape.dimension(axis) == wanted)
                          .toList(),
                      pattern.amount());
                }
              });
    }
  }

  private static void global(
      List<Model> models, Rule rule, Pattern.Unstructured pattern, long seed) {
    List<Element> all = new ArrayList<>();
    List<Element> competing = new ArrayList<>();
    for (Model m : models) {
      List<Element> own = order(elements(m, rule, seed));
      all.addAll(own);
      double cap = pattern.maxPerTensor().orElse(1);
      competing.addAll(own.subList(0, (int) Math.rint(cap * own.size())));
    }
    List<String> names = models.stream().map(m -> m.name).toList();
    competing.sort(
        Comparator.comparingDouble(Element::score)
            .thenComparing(e -> -names.indexOf(e.model.name))
            .thenComparing(e -> -e.index));
    competing.subList(0, (int) pattern.amount().of(all.size())).forEach(PruningOracle::zero);
  }

  private static void groups(Model m, Rule rule, Pattern.NofM pattern, long seed) {
    int axis = rule.reductionAxis().orElse(Math.min(1, m.shape.rank() - 1));
    long inner = m.shape.after(axis);
    long length = m.shape.dimension(axis);
    for (long outer = 0; outer < m.shape.before(axis); outer++) {
      for (long g = 0; g < length / pattern.m(); g++) {
        for (long i = 0; i < inner; i++) {
          List<Element> group = new ArrayList<>();
          int nans = 0;
          for (long j = 0; j < pattern.m(); j++) {
            int index = (int) ((outer * length + g * pattern.m() + j) * inner + i);
            if (m.isNan(index)) {
              nans++;
            } else {
              group.add(element(m, index, rule, seed));
            }
          }
          int going = Math.min(group.size(), pattern.m() - pattern.n());
          if (nans > pattern.n()) {
            going = group.size();
          }
          order(group).subList(0, going).forEach(PruningOracle::zero);
        }
      }
    }
  }

  private static void pruneScope(List<Element> scope, Amount amount) {
    order(scope).subList(0, (int) amount.of(scope.size())).forEach(PruningOracle::zero);
  }

  private static List<Element> order(List<Element> elements) {
    List<Element> sorted = new ArrayList<>(elements);
    sorted.sort(Comparator.comparingDouble(Element::score).thenComparing(e -> -e.index));
    return sorted;
  }

  private static List<Element> elements(Model m, Rule rule, long seed) {
    List<Element> all = new ArrayList<>();
    for (int i = 0; i < m.bits.length; i++) {
      if (!m.isNan(i)) {
        all.add(element(m, i, rule, seed));
      }
    }
    return all;
  }

  private static Element element(Model m, int i, Rule rule, long seed) {
    double score =
        rule.criterion() instanceof Criterion.Random
            ? Integer.toUnsignedLong(Philox.word(seed, Philox.tensorId(m.name), i))
            : m.magnitude(i);
    return new Element(m, i, score);
  }

  private static void zero(Element e) {
    e.model.bits[e.index] = 0;
  }
}
