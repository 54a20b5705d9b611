package dev.coppice.graph;

import dev.coppice.spi.Closing;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** The sums of layers that are fitted at once, each on the backend that its size asks for. */
final class Grams implements AutoCloseable {
  private final RepairBackend backend;
  private final List<Gram> begun = new ArrayList<>();
  private final Set<String> backends = new LinkedHashSet<>();

  Grams(RepairBackend backend) {
    this.backend = backend;
  }

  /** Begins sums over about so many rows. */
  Gram begin(int columns, int outputs, long rows) {
    int width = Gram.width(columns, outputs);
    RepairBackend.Chosen chosen = backend.choose((double) rows * (columns + 1) * width);
    Gram gram = new Gram(chosen.backend().begin(columns + 1, width), columns, outputs);
    begun.add(gram);
    backends.add(chosen.name());
    return gram;
  }

  /** Completes all sums, and names the backends that have made them. */
  Set<String> end() {
    begun.forEach(Gram::end);
    return backends;
  }

  /** Closes all, also where one fails to be. */
  @Override
  public void close() {
    List<Runnable> closes = begun.stream().<Runnable>map(gram -> gram::close).toList();
    begun.clear();
    Closing.all(closes);
  }
}
