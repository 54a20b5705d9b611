package dev.coppice.cli;

import dev.coppice.graph.Frozen;
import dev.coppice.graph.Group;
import dev.coppice.graph.Metric;
import dev.coppice.graph.Ranked;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How much of a model could be removed, and what is in the way. */
final class ShrinkRoom {
  private ShrinkRoom() {}

  /** Looks at the model of which only what must stay is left. */
  static Advice.Room of(Shrinker shrinker) throws IOException {
    Ranked ranked = shrinker.rank(ShrinkRequest.of(Metric.MACS, 1), Optional.empty());
    List<Integer> fewest = ranked.groups().stream().map(group -> fewest(ranked, group)).toList();
    Shrinkage smallest = ranked.keep(fewest);
    double dense = smallest.before(Metric.MACS);
    Map<String, Double> whole = new HashMap<>(smallest.layersBefore(Metric.MACS));
    smallest.layersAfter(Metric.MACS).forEach((layer, left) -> drop(whole, layer, left));
    double frozen = whole.values().stream().mapToDouble(macs -> macs).sum();
    return dense == 0
        ? new Advice.Room(1, 0, "")
        : new Advice.Room(
            smallest.after(Metric.MACS) / dense, frozen / dense, reason(shrinker, whole));
  }

  private static int fewest(Ranked ranked, Group group) {
    int step = ranked.step(group);
    int steps = (ranked.least(group) + step - 1) / step;
    return Math.min(steps * step, group.units().size());
  }

  /** Forgets a layer that has become smaller. */
  private static void drop(Map<String, Double> layers, String layer, double left) {
    layers.computeIfPresent(layer, (name, macs) -> left < macs ? null : macs);
  }

  /** Gives the reason that keeps most of the multiplications. */
  private static String reason(Shrinker shrinker, Map<String, Double> layers) {
    Map<String, Double> reasons = new HashMap<>();
    for (Frozen frozen : shrinker.frozen()) {
      reasons.merge(frozen.reason(), layers.getOrDefault(frozen.layer(), 0.0), Double::sum);
    }
    return reasons.entrySet().stream()
        .filter(reason -> reason.getValue() > 0)
        .max(Map.Entry.<String, Double>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
        .map(Map.Entry::getKey)
        .orElse("");
  }
}
