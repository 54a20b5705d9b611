package dev.coppice.spi;

import dev.coppice.PruningCancelledException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A bounded set of threads that all calls of a process share. Calls take turns slice by slice, so
 * that a small one is not held up behind a large one, and memory is bounded by the threads, not by
 * the calls.
 */
public final class WorkPool implements AutoCloseable {
  /** What is done for one index. */
  @FunctionalInterface
  public interface Body {
    /** Does the work of {@code index}; {@code worker} is the thread's own memory. */
    void run(long index, Worker worker) throws IOException;
  }

  /**
   * What a thread of the pool owns and lends to the body that it runs: no call allocates its own.
   */
  public static final class Worker {
    private ByteBuffer buffer = direct(0);
    private final Tally tally = new Tally();

    /**
     * Gives a direct, little-endian buffer of exactly {@code bytes}, position 0; its contents are
     * left over.
     */
    public ByteBuffer buffer(int bytes) {
      if (buffer.capacity() < bytes) {
        buffer = direct(bytes);
      }
      return buffer.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Gives the thread's tally. */
    public Tally tally() {
      return tally;
    }

    private static ByteBuffer direct(int bytes) {
      return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  private static final class Shared {
    private static final WorkPool POOL =
        new WorkPool(
            Integer.getInteger("coppice.threads", Runtime.getRuntime().availableProcessors()));
  }

  /** How long a thread looks for what comes at once before it sleeps: what waking up may cost. */
  private static final long SPIN_NANOS = 100_000;

  private final int threads;
  private final ThreadPoolExecutor executor;
  private final ThreadLocal<Worker> worker = ThreadLocal.withInitial(Worker::new);
  private final Queue<Histogram> histograms = new ConcurrentLinkedQueue<>();

  /** Makes a pool of daemon threads. */
  public WorkPool(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be 1 or more, not " + threads);
    }
    this.threads = threads;
    this.executor =
        new ThreadPoolExecutor(
            threads,
            threads,
            0,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            task -> {
              Thread thread = new Thread(task, "coppice-worker");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** Gives the pool of the process: one thread a processor, or {@code -Dcoppice.threads}. */
  public static WorkPool shared() {
    return Shared.POOL;
  }

  /** Ends the threads as soon as the calls that they work for have ended; idempotent. */
  @Override
  public void close() {
    executor.shutdown();
  }

  /** Gives the number of threads. */
  public int threads() {
    return threads;
  }

  /** Lends a histogram for the length of a pass, with left-over counts. */
  Histogram borrowHistogram() {
    Histogram spare = histograms.poll();
    return spare == null ? new Histogram() : spare;
  }

  void giveBack(Histogram histogram) {
    histograms.add(histogram);
  }

  void forEach(long count, int lanes, Body body) throws IOException {
    if (count > 0) {
      new Loop(count, body).run((int) Math.min(lanes, count));
    }
  }

  /**
   * As {@link #forEach}, with the calling thread as one of the lanes, for work of a few
   * milliseconds or less that is often followed by more of it: threads spin for a moment before
   * they sleep.
   */
  void share(long count, int lanes, Worker own, Body body) throws IOException {
    if (count > 0) {
      new Loop(count, body).share((int) Math.min(lanes, count) - 1, own);
    }
  }

  private static void spin(BooleanSupplier until) {
    long begin = System.nanoTime();
    while (!until.getAsBoolean() && System.nanoTime() - begin < SPIN_NANOS) {
      Thread.onSpinWait();
    }
  }

  /**
   * One call of forEach: its lanes are tasks in the pool's queue that do one index and queue again.
   */
  private final class Loop {
    private final long count;
    private final Body body;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition finished = lock.newCondition();
    private long next;
    private int lanes;
    private boolean brief;
    private volatile boolean ended;
    private long failedIndex = Long.MAX_VALUE;
    private @Nullable Throwable failure;

    Loop(long count, Body body) {
      this.count = count;
      this.body = body;
    }

    void run(int wanted) throws IOException {
      lanes = wanted;
      for (int i = 0; i < wanted; i++) {
        begin(i == 0);
      }
      finish();
    }

    /** Does what the calling thread can, with the help of {@code others} of the pool. */
    void share(int others, Worker own) throws IOException {
      lanes = others;
      brief = true;
      for (int i = 0; i < others; i++) {
        begin(false);
      }
      boolean more = true;
      while (more) {
        more = step(own);
      }
      if (others > 0) {
        spin(() -> ended);
      }
      finish();
    }

    private void finish() throws IOException {
      boolean interrupted = await();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      Throwable thrown = failure;
      if (thrown instanceof IOException e) {
        throw e;
      }
      if (thrown instanceof RuntimeException e) {
        throw e;
      }
      if (thrown instanceof Error e) {
        throw e;
      }
    }

    /**
     * Waits for all lanes; an interrupt ends the loop early but is not obeyed before they have
     * ended.
     */
    private boolean await() {
      boolean interrupted = false;
      lock.lock();
      try {
        while (lanes > 0) {
          try {
            finished.await();
          } catch (InterruptedException e) {
            interrupted = true;
            fail(Long.MAX_VALUE - 1, new PruningCancelledException());
          }
        }
      } finally {
        lock.unlock();
      }
      return interrupted;
    }

    /**
     * Queues a lane; while the pool is being closed those that were queued do without the others.
     */
    private void begin(boolean first) {
      try {
        executor.execute(this::lane);
      } catch (RejectedExecutionException e) {
        if (first) {
          throw new IllegalStateException("the pool is closed", e);
        }
        leave();
      }
    }

    private void lane() {
      while (step(worker.get())) {
        try {
          executor.execute(this::lane);
          return;
        } catch (RejectedExecutionException e) {
          // The pool is being closed: what has begun ends on this thread.
        }
      }
      leave();
      if (brief) {
        spin(() -> !executor.getQueue().isEmpty());
      }
    }

    /** Does one index, if there is one left. */
    private boolean step(Worker own) {
      long index = claim();
      if (index < 0) {
        return false;
      }
      try {
        body.run(index, own);
      } catch (Throwable e) { // Handed to the thread that waits.
        fail(index, e);
      }
      return true;
    }

    private long claim() {
      lock.lock();
      try {
        return failure == null && next < count ? next++ : -1;
      } finally {
        lock.unlock();
      }
    }

    private void fail(long index, Throwable thrown) {
      lock.lock();
      try {
        if (index < failedIndex) {
          failedIndex = index;
          failure = thrown;
        }
      } finally {
        lock.unlock();
      }
    }

    private void leave() {
      lock.lock();
      try {
        if (--lanes == 0) {
          ended = true;
          finished.signalAll();
        }
      } finally {
        lock.unlock();
      }
    }
  }
}
