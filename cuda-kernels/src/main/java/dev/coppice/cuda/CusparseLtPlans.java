package dev.coppice.cuda;

import dev.coppice.spi.Closing;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The plans of one layer's products, by the rows of x; those used last are kept. */
final class CusparseLtPlans {
  private static final int MOST = 8;

  /** A plan, and the workspace that it takes. */
  record Plan(long address, DeviceMemory workspace, Kept kept) {}

  private final LibraryHoldings<CusparseLtHandle> held;
  private final CusparseLtWeights weights;
  private final Map<Long, Plan> plans = new LinkedHashMap<>(MOST, 0.75f, true);

  CusparseLtPlans(LibraryHoldings<CusparseLtHandle> held, CusparseLtWeights weights) {
    this.held = held;
    this.weights = weights;
    held.keep(this::close);
  }

  /**
   * Gives the plan for so many rows, a multiple of 8. The first time the library tries all its
   * algorithms, in {@code stream}, which is waited for.
   */
  Plan get(long batch, CudaStream stream) {
    Plan known = plans.get(batch);
    if (known != null) {
      return known;
    }
    if (plans.size() == MOST) {
      forgetOldest();
    }
    Kept kept = new Kept();
    try {
      Plan made = search(batch, kept, stream);
      plans.put(batch, made);
      return made;
    } catch (RuntimeException e) {
      try (kept) {
        throw e;
      }
    }
  }

  private void forgetOldest() {
    held.context().synchronize(); // It may be at work.
    Iterator<Plan> oldest = plans.values().iterator();
    Kept kept = oldest.next().kept;
    oldest.remove();
    kept.close();
  }

  private Plan search(long batch, Kept kept, CudaStream stream) {
    long[] made = new long[2];
    CusparseLt.run(() -> CusparseLt.plan(weights.address(), batch, made));
    long plan = made[0];
    kept.add(() -> CusparseLt.run(() -> CusparseLt.destroy(plan)));
    long[] bytes = new long[1];
    try (Kept scratch = new Kept()) {
      DeviceMemory x = held.borrow(2 * batch * weights.in(), scratch);
      DeviceMemory y = held.borrow(2 * batch * weights.out(), scratch);
      DeviceMemory workspace = held.borrow(made[1], scratch);
      scratch.add(stream::await);
      x.clear(0, x.bytes(), stream.stream());
      CusparseLt.run(
          () ->
              CusparseLt.search(
                  plan,
                  weights.compressed(),
                  x.address(),
                  y.address(),
                  workspace.address(),
                  RawStream.handle(stream.stream()),
                  bytes));
    }
    return new Plan(plan, held.borrow(bytes[0], kept), kept);
  }

  private void close() {
    List<Runnable> closes = new ArrayList<>();
    plans.values().forEach(plan -> closes.add(plan.kept::close));
    plans.clear();
    Closing.all(closes);
  }
}
