package dev.coppice;

import dev.coppice.spi.PendingWeights;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WeightsResult;
import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Tensors that a device is pruning ({@link Pruner#pruneAsync}). Until it is done, nobody may free
 * their memory; others than the stream it goes into may neither read nor write them. Safe for use
 * by several threads.
 *
 * <p>It holds some memory of the device until {@link #get} or {@link #close} has returned, or the
 * pruner is closed. One that is forgotten is waited for when it is collected, with a warning in the
 * log; its tensors' owners stay reachable until then.
 */
public final class PendingPruning implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final System.Logger LOG = System.getLogger(PendingPruning.class.getName());

  private final State state;
  private final Cleaner.Cleanable net;

  private PendingPruning(State state) {
    this.state = state;
    this.net = CLEANER.register(this, state);
  }

  /**
   * Makes one of a plan's rules.
   *
   * @param report gives the report of their results, by the tensors' names
   * @param all those of the pruner, which it waits for before it closes
   */
  static PendingPruning of(
      List<Begun> rules,
      Function<Map<String, WeightsResult>, PruningReport> report,
      Collection<State> all) {
    State state = new State(rules, report, all);
    all.add(state);
    return new PendingPruning(state);
  }

  /** Says, without waiting, whether {@link #get} would return or throw at once. */
  public boolean isDone() {
    return state.isDone();
  }

  /**
   * Waits until the device is done, and says what was done; called again it says the same.
   * Interrupts are ignored: what is in a stream cannot be taken out of it.
   *
   * @throws NanWeightsException if a weight was NaN and the plan does not keep it; it names what
   *     was {@linkplain NanWeightsException#pruned pruned} all the same
   * @throws DeviceException if the device failed
   */
  public PruningReport get() {
    state.settle();
    net.clean();
    return state.outcome();
  }

  /**
   * Does that, but waits no longer than {@code most}.
   *
   * @throws TimeoutException if the device is not done by then; it goes on
   * @throws InterruptedException if the thread is interrupted meanwhile; the device goes on
   */
  public PruningReport get(Duration most) throws TimeoutException, InterruptedException {
    long end = System.nanoTime() + most.toNanos();
    while (!isDone()) {
      long left = end - System.nanoTime();
      if (left <= 0) {
        throw new TimeoutException("the device has not pruned the tensors within " + most);
      }
      TimeUnit.NANOSECONDS.sleep(Math.min(left, 500_000)); // The driver has no wait with a limit.
    }
    return get();
  }

  /** Waits until the device is done and gives back what it holds; throws nothing; idempotent. */
  @Override
  public void close() {
    state.settle();
    net.clean();
  }

  /** One rule's weights, whose tensors stay reachable with them. */
  record Begun(List<Weights> weights, PendingWeights pending) {}

  /** What the net needs when nothing else is left. */
  static final class State implements Runnable {
    private final ReentrantLock lock = new ReentrantLock();
    private final List<Begun> rules;
    private final Function<Map<String, WeightsResult>, PruningReport> reporting;
    private final Collection<State> all;
    private @Nullable PruningReport report;
    private @Nullable RuntimeException failure;

    private State(
        List<Begun> rules,
        Function<Map<String, WeightsResult>, PruningReport> reporting,
        Collection<State> all) {
      this.rules = new ArrayList<>(rules);
      this.reporting = reporting;
      this.all = all;
    }

    /** Runs on the cleaner's thread if nobody has waited. */
    @Override
    public void run() {
      lock.lock();
      try {
        if (!isSettled()) {
          LOG.log(
              System.Logger.Level.WARNING, "a PendingPruning was neither waited for nor closed");
          settle();
        }
      } finally {
        lock.unlock();
      }
    }

    private boolean isSettled() {
      return report != null || failure != null;
    }

    boolean isDone() {
      if (!lock.tryLock()) {
        return false; // Somebody waits.
      }
      try {
        return isSettled() || rules.stream().allMatch(r -> r.pending().isDone());
      } catch (DeviceException e) {
        return true; // As get will say.
      } finally {
        lock.unlock();
      }
    }

    /** Waits for every rule, also where one of them failed. */
    void settle() {
      lock.lock();
      try {
        if (isSettled()) {
          return;
        }
        Map<String, WeightsResult> results = new HashMap<>();
        RuntimeException first = null;
        for (Begun rule : rules) {
          try (PendingWeights pending = rule.pending()) {
            List<WeightsResult> done = pending.await();
            for (int i = 0; i < done.size(); i++) {
              results.put(rule.weights().get(i).name(), done.get(i));
            }
          } catch (RuntimeException e) {
            first = joined(first, e);
          }
        }
        rules.clear();
        if (first == null) {
          report = reporting.apply(results);
        } else {
          results.values().removeIf(r -> r.pruned() == 0);
          failure =
              first instanceof NanWeightsException nan ? nan.besides(results.keySet()) : first;
        }
        all.remove(this);
      } finally {
        lock.unlock();
      }
    }

    /** Gives the failure to throw; that of one NaN also tells of what was pruned beside another. */
    private static RuntimeException joined(@Nullable RuntimeException first, RuntimeException e) {
      if (first == null) {
        return e;
      }
      if (first instanceof NanWeightsException nan && e instanceof NanWeightsException other) {
        return nan.besides(other.pruned());
      }
      return first instanceof NanWeightsException ? e : first;
    }

    private PruningReport outcome() {
      lock.lock();
      try {
        if (failure != null) {
          throw failure;
        }
        return Objects.requireNonNull(report);
      } finally {
        lock.unlock();
      }
    }
  }
}
