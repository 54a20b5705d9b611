package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.ProgressListener;
import dev.coppice.PruningCancelledException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WorkPoolTest {
  @Test
  void everyIndexIsRunOnce() throws IOException {
    for (int count : new int[] {0, 1, 2, 3, 4, 5, 1000}) {
      AtomicLongArray runs = new AtomicLongArray(count);
      execution(new WorkPool(3), 3)
          .forEach(count, (index, worker) -> runs.incrementAndGet((int) index));
      for (int i = 0; i < count; i++) {
        assertThat(runs.get(i)).as("runs of %d of %d", i, count).isEqualTo(1);
      }
    }
  }

  @Test
  void theCallingThreadShares() throws IOException {
    for (int count : new int[] {0, 1, 2, 5, 1000}) {
      AtomicLongArray runs = new AtomicLongArray(count);
      AtomicInteger running = new AtomicInteger();
      AtomicInteger most = new AtomicInteger();
      WorkPool.Worker own = new WorkPool.Worker();
      Thread caller = Thread.currentThread();
      execution(new WorkPool(3), 3)
          .share(
              count,
              own,
              (index, worker) -> {
                assertThat(worker == own).isEqualTo(Thread.currentThread() == caller);
                most.accumulateAndGet(running.incrementAndGet(), Math::max);
                runs.incrementAndGet((int) index);
                running.decrementAndGet();
              });
      for (int i = 0; i < count; i++) {
        assertThat(runs.get(i)).as("runs of %d of %d", i, count).isEqualTo(1);
      }
      assertThat(most.get()).isLessThanOrEqualTo(3);
    }
  }

  @Test
  void aCallingThreadThatSharesNeedsNoOther() throws IOException {
    WorkPool pool = new WorkPool(2);
    pool.close();
    List<Long> begun = new ArrayList<>();
    execution(pool, 2).share(50, new WorkPool.Worker(), (index, worker) -> begun.add(index));
    assertThat(begun).isEqualTo(LongStream.range(0, 50).boxed().toList());
    assertThatThrownBy(
            () ->
                execution(new WorkPool(2), 2)
                    .share(
                        50,
                        new WorkPool.Worker(),
                        (index, worker) -> {
                          throw new IOException("at " + index);
                        }))
        .hasMessage("at 0");
  }

  @Test
  void aPoolThatIsClosedEndsTheCallsItWorksForAndTakesNoOther() throws IOException {
    WorkPool pool = new WorkPool(2);
    AtomicInteger runs = new AtomicInteger();
    Execution execution = execution(pool, 2);
    execution.forEach(
        100,
        (index, worker) -> {
          pool.close();
          runs.incrementAndGet();
        });
    assertThat(runs).hasValue(100);
    assertThatThrownBy(() -> execution.forEach(1, (index, worker) -> runs.incrementAndGet()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the pool is closed");
  }

  @Test
  void oneThreadBeginsInAscendingOrder() throws IOException {
    List<Long> begun = new ArrayList<>();
    execution(new WorkPool(1), 1).forEach(100, (index, worker) -> begun.add(index));
    assertThat(begun).isEqualTo(LongStream.range(0, 100).boxed().toList());
  }

  @Test
  void aCallUsesNoMoreThreadsThanItAskedFor() throws IOException {
    WorkPool pool = new WorkPool(8);
    AtomicInteger running = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    WorkPool.Body body =
        (index, worker) -> {
          most.accumulateAndGet(running.incrementAndGet(), Math::max);
          running.decrementAndGet();
        };
    execution(pool, 2).forEach(5000, body);
    assertThat(most.get()).isBetween(1, 2);
    execution(pool, 8).forEach(5000, 2, body);
    assertThat(most.get()).as("a part of its threads").isBetween(1, 2);
    execution(pool, 2).forEach(5000, 8, body);
    assertThat(most.get()).as("no more than all of them").isBetween(1, 2);
  }

  @Test
  void callsTogetherUseNoMoreThreadsThanThePoolHas() throws Exception {
    WorkPool pool = new WorkPool(2);
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    List<Thread> callers = new ArrayList<>();
    for (int c = 0; c < 8; c++) {
      callers.add(
          start(
              () -> execution(pool, 99).forEach(200, (i, w) -> seen.add(Thread.currentThread()))));
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertThat(seen)
        .hasSizeBetween(1, 2)
        .allMatch(Thread::isDaemon)
        .doesNotContainAnyElementsOf(callers);
  }

  @Test
  void noIndexIsBegunAfterAFailure() {
    List<Long> begun = new ArrayList<>();
    assertThatThrownBy(
            () ->
                execution(new WorkPool(1), 1)
                    .forEach(
                        100,
                        (index, worker) -> {
                          begun.add(index);
                          if (index == 3) {
                            throw new IOException("three");
                          }
                        }))
        .isInstanceOf(IOException.class)
        .hasMessage("three");
    assertThat(begun).containsExactly(0L, 1L, 2L, 3L);
  }

  @Test
  void theFailureOfTheSmallestIndexIsThrownWhicheverCameFirst() {
    CountDownLatch oneHasFailed = new CountDownLatch(1);
    assertThatThrownBy(
            () ->
                execution(new WorkPool(2), 2)
                    .forEach(
                        2,
                        (index, worker) -> {
                          if (index == 1) {
                            oneHasFailed.countDown();
                            throw new IOException("one");
                          }
                          await(oneHasFailed);
                          throw new AssertionError("zero");
                        }))
        .isInstanceOf(AssertionError.class)
        .hasMessage("zero");
  }

  @Test
  void aFailedCallLeavesThePoolUsable() throws IOException {
    WorkPool pool = new WorkPool(2);
    for (int i = 0; i < 10; i++) {
      assertThatThrownBy(
              () ->
                  execution(pool, 2)
                      .forEach(
                          10,
                          (index, worker) -> {
                            throw new IllegalStateException("no");
                          }))
          .isInstanceOf(IllegalStateException.class);
    }
    AtomicInteger runs = new AtomicInteger();
    execution(pool, 2).forEach(10, (index, worker) -> runs.incrementAndGet());
    assertThat(runs.get()).isEqualTo(10);
  }

  @Test
  void aSmallCallIsNotHeldUpBehindALargeOne() throws Exception {
    WorkPool pool = new WorkPool(1);
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    List<String> order = Collections.synchronizedList(new ArrayList<>());
    Thread large =
        start(
            () ->
                execution(pool, 1)
                    .forEach(
                        1000,
                        (index, worker) -> {
                          begun.countDown();
                          await(goOn);
                          order.add("large");
                        }));
    await(begun);
    Thread small =
        start(() -> execution(pool, 1).forEach(10, (index, worker) -> order.add("small")));
    awaitWaiting(small);
    goOn.countDown();
    small.join();
    large.join();
    assertThat(order).hasSize(1010);
    assertThat(order.lastIndexOf("small"))
        .as("turns until the small call had ended")
        .isLessThan(25);
  }

  @Test
  void anInterruptEndsTheCallOnceWhatRunsHasEnded() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    AtomicInteger ended = new AtomicInteger();
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    AtomicInteger endedBefore = new AtomicInteger(-1);
    Thread caller =
        new Thread(
            () -> {
              try {
                execution(new WorkPool(2), 1)
                    .forEach(
                        1000,
                        (index, worker) -> {
                          begun.countDown();
                          await(goOn);
                          ended.incrementAndGet();
                        });
              } catch (PruningCancelledException e) {
                endedBefore.set(ended.get());
                thrown.set(Thread.currentThread().isInterrupted() ? e : null);
              } catch (IOException e) {
                thrown.set(e);
              }
            });
    caller.start();
    await(begun);
    caller.interrupt();
    awaitWaiting(caller);
    goOn.countDown();
    caller.join();
    assertThat(thrown.get()).isInstanceOf(PruningCancelledException.class);
    assertThat(endedBefore.get()).as("indices begun before the interrupt").isBetween(1, 999);
  }

  @Test
  void aWorkerLendsExactlyWhatIsAskedForAndKeepsIt() throws IOException {
    List<ByteBuffer> lent = new ArrayList<>();
    execution(new WorkPool(1), 1)
        .forEach(
            3,
            (index, worker) -> {
              ByteBuffer buffer = worker.buffer(100 - 20 * (int) index);
              if (index > 0) {
                assertThat(buffer.get(0)).as("the same memory again").isEqualTo((byte) 7);
              }
              buffer.put(0, (byte) 7);
              lent.add(buffer);
            });
    assertThat(lent).extracting(ByteBuffer::remaining).containsExactly(100, 80, 60);
    assertThat(lent).allMatch(b -> b.isDirect() && b.order() == ByteOrder.LITTLE_ENDIAN);
  }

  @Test
  void histogramsAreUsedAgain() {
    WorkPool pool = new WorkPool(1);
    Histogram first = pool.borrowHistogram();
    assertThat(pool.borrowHistogram()).isNotSameAs(first);
    pool.giveBack(first);
    assertThat(pool.borrowHistogram()).isSameAs(first);
  }

  @Test
  void nonsenseIsRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> new WorkPool(0));
    assertThatIllegalArgumentException().isThrownBy(() -> execution(new WorkPool(1), 0));
  }

  private static Execution execution(WorkPool pool, int threads) {
    return new Execution(pool, threads, 1024, () -> false, ProgressListener.NONE);
  }

  private interface Call {
    void run() throws IOException;
  }

  private static Thread start(Call call) {
    Thread thread =
        new Thread(
            () -> {
              try {
                call.run();
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    thread.start();
    return thread;
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Waits until the thread waits for the pool. */
  private static void awaitWaiting(Thread thread) {
    while (thread.isInterrupted() || thread.getState() != Thread.State.WAITING) {
      Thread.onSpinWait();
    }
  }
}
