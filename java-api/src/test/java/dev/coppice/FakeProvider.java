package dev.coppice;

import dev.coppice.reference.ReferenceProvider;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WeightsResult;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** A backend that prunes as the reference does, and fails when it is told to. */
final class FakeProvider implements BackendProvider {
  private final String name;
  private final int rank;
  private final boolean device;
  Availability availability = new Availability.Usable("nothing");
  long worthwhileBytes;
  Optional<String> absence = Optional.empty();

  /** What the device of the next backend says, or nothing. */
  @Nullable RuntimeException refusal;

  /** What the prune of that number, from 1 on, throws. */
  final Map<Integer, RuntimeException> failures = new ConcurrentHashMap<>();

  final List<Integer> created = Collections.synchronizedList(new ArrayList<>());
  final List<String> seen = Collections.synchronizedList(new ArrayList<>());
  int asked;
  int prunes;
  int closed;

  private FakeProvider(String name, int rank, boolean device) {
    this.name = name;
    this.rank = rank;
    this.device = device;
  }

  static FakeProvider onDevice(String name) {
    return new FakeProvider(name, 200, true);
  }

  static FakeProvider onHost(String name) {
    return new FakeProvider(name, 100, false);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public int rank() {
    return rank;
  }

  @Override
  public Availability availability() {
    asked++;
    return availability;
  }

  @Override
  public Optional<String> absence() {
    return absence;
  }

  @Override
  public long worthwhileBytes() {
    return worthwhileBytes;
  }

  @Override
  public boolean runsOnDevice() {
    return device;
  }

  @Override
  public Backend create(int ordinal) {
    if (refusal != null) {
      throw refusal;
    }
    created.add(ordinal);
    return new Fake(new ReferenceProvider().create(0));
  }

  private final class Fake implements Backend {
    private final Backend reference;

    Fake(Backend reference) {
      this.reference = reference;
    }

    @Override
    public String name() {
      return name;
    }

    /** Leaves what lies on the device alone: there is none. */
    @Override
    public List<WeightsResult> prune(PruneTask task, Execution execution) throws IOException {
      int number;
      synchronized (FakeProvider.this) {
        number = ++prunes;
      }
      execution.progress().expect(1000);
      execution.progress().advance(500);
      RuntimeException failure = failures.get(number);
      if (failure != null) {
        throw failure;
      }
      execution.progress().advance(500);
      List<Weights> here = new ArrayList<>();
      for (Weights w : task.weights()) {
        Optional<DeviceAddress> there = w.onDevice();
        seen.add(w.name() + there.map(a -> " at " + a.device() + ":" + a.address()).orElse(""));
        if (there.isEmpty()) {
          here.add(w);
        }
      }
      List<WeightsResult> done =
          reference.prune(
              new PruneTask(here, task.criterion(), task.pattern(), task.nan(), task.seed()),
              execution);
      return task.weights().stream()
          .map(w -> here.contains(w) ? done.get(here.indexOf(w)) : new WeightsResult(0, 0, 0, 0))
          .toList();
    }

    @Override
    public double[] sliceSums(Weights weights, int axis, Summand summand, Execution execution)
        throws IOException {
      return reference.sliceSums(weights, axis, summand, execution);
    }

    @Override
    public void close() {
      closed++;
    }
  }
}
