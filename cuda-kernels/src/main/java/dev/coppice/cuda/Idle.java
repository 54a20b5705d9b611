package dev.coppice.cuda;

import dev.coppice.spi.Closing;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Objects of the driver that calls borrow one after the other, because making them costs more than
 * using them. Safe for use by several threads; its methods are called with the context current.
 */
final class Idle<T> implements AutoCloseable {
  private final Deque<T> objects = new ArrayDeque<>();
  private final Consumer<T> close;
  private boolean closed;

  Idle(Consumer<T> close) {
    this.close = close;
  }

  /** Gives an idle object that fits, or a new one. */
  T borrow(Predicate<T> fits, Supplier<T> make) {
    synchronized (this) {
      if (closed) {
        throw new IllegalStateException("the CUDA backend is used after it was closed");
      }
      Optional<T> found = objects.stream().filter(fits).findFirst();
      if (found.isPresent()) {
        objects.remove(found.get());
        return found.get();
      }
    }
    return make.get();
  }

  T borrow(Supplier<T> make) {
    return borrow(object -> true, make);
  }

  void giveBack(T object) {
    synchronized (this) {
      if (!closed) {
        objects.addFirst(object);
        return;
      }
    }
    close.accept(object);
  }

  @Override
  public synchronized void close() {
    closed = true;
    List<Runnable> closes = objects.stream().<Runnable>map(o -> () -> close.accept(o)).toList();
    objects.clear();
    Closing.all(closes);
  }
}
