package dev.coppice;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PendingWeights;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.WeightsResult;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * A backend that a pruner may use: made when it is first needed, closed with the pruner, or by the
 * last call that is in it then. Safe for use by several threads.
 */
final class Candidate implements AutoCloseable {
  private final BackendProvider provider;
  private final int device;
  private @Nullable Backend backend;
  private @Nullable String lost;
  private int calls;
  private boolean closed;

  Candidate(BackendProvider provider, int device) {
    this.provider = provider;
    this.device = device;
  }

  String name() {
    return provider.name();
  }

  boolean runsOnDevice() {
    return provider.runsOnDevice();
  }

  long worthwhileBytes() {
    return provider.worthwhileBytes();
  }

  Optional<String> absence() {
    return provider.absence();
  }

  /** Gives the backend. */
  synchronized Backend open() {
    if (closed) {
      throw new IllegalStateException("the pruner is closed");
    }
    Backend open = backend;
    if (open == null) {
      if (provider.availability() instanceof Availability.Unusable no) {
        throw new BackendUnavailableException(no.reason());
      }
      open = provider.create(device);
      backend = open;
    }
    return open;
  }

  /**
   * Says why the backend cannot be used, if so: it was lost in an earlier call, or does not open.
   */
  synchronized Optional<String> objection() {
    if (lost == null) {
      try {
        open();
      } catch (BackendUnavailableException | DeviceException e) { // Nothing has been begun on it.
        return Optional.of(String.valueOf(e.getMessage()));
      }
    }
    return Optional.ofNullable(lost);
  }

  List<WeightsResult> prune(PruneTask task, Execution execution) throws IOException {
    Backend entered = enter();
    try {
      return watched(() -> entered.prune(task, execution));
    } finally {
      leave();
    }
  }

  PendingWeights begin(PruneTask task, Execution execution) throws IOException {
    Backend entered = enter();
    PendingWeights begun;
    try {
      begun = watched(() -> entered.begin(task, execution));
    } catch (Throwable e) {
      leave();
      throw e;
    }
    AtomicBoolean left = new AtomicBoolean();
    return new PendingWeights() {
      @Override
      public boolean isDone() {
        return watched(begun::isDone);
      }

      @Override
      public List<WeightsResult> await() {
        return watched(begun::await);
      }

      @Override
      public void close() {
        try {
          begun.close();
        } finally {
          if (left.compareAndSet(false, true)) {
            leave();
          }
        }
      }
    };
  }

  private interface Call<T, E extends Exception> {
    T run() throws E;
  }

  /** Makes a call to the backend, and notes it if the device is lost meanwhile. */
  private <T, E extends Exception> T watched(Call<T, E> call) throws E {
    try {
      return call.run();
    } catch (DeviceLostException e) {
      lose(String.valueOf(e.getMessage()));
      throw e;
    }
  }

  private synchronized Backend enter() {
    Backend open = open();
    calls++;
    return open;
  }

  private synchronized void leave() {
    calls--;
    closeUnused();
  }

  private void closeUnused() {
    if (closed && calls == 0 && backend != null) {
      Backend unused = backend;
      backend = null;
      unused.close();
    }
  }

  private synchronized void lose(String reason) {
    lost = reason;
  }

  @Override
  public synchronized void close() {
    closed = true;
    closeUnused();
  }
}
