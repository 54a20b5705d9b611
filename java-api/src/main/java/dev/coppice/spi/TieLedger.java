package dev.coppice.spi;

import dev.coppice.PruningCancelledException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Deals out the ties that are kept to the slices of a scope in the order of their positions, while
 * threads work on several slices at once: each says how many ties its slice holds and hears how
 * many of them stay. A slice waits only for those before it, which threads already work on.
 */
final class TieLedger {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private long left;
  private long next;
  private long failed = Long.MAX_VALUE;

  /** Makes a ledger of {@code keep} ties to be dealt out. */
  TieLedger(long keep) {
    this.left = keep;
  }

  /** Says whether all are dealt out: then a slice need neither count nor call {@link #deal}. */
  boolean isEmpty() {
    lock.lock();
    try {
      return left == 0;
    } finally {
      lock.unlock();
    }
  }

  /** Gives how many of the {@code ties} of slice {@code index} are kept. */
  long deal(long index, long ties) {
    lock.lock();
    try {
      while (next != index && left > 0 && index < failed) {
        changed.awaitUninterruptibly();
      }
      if (index > failed) {
        throw new PruningCancelledException();
      }
      long kept = Math.min(ties, left);
      left -= kept;
      next++;
      changed.signalAll();
      return kept;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Lets everybody after a failed slice go: they can no longer know their share. Those before it
   * still get theirs, so that what they throw is their own failure and not the echo of this one.
   */
  void abandon(long index) {
    lock.lock();
    try {
      failed = Math.min(failed, index);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
