package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearBenchProvider;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.Set;

/** A device whose products take as long as they are told to, by a clock that only they move. */
final class FakeBench implements LinearBenchProvider {
  /** Gives the seconds of a product. */
  interface Time {
    double of(Format format, long batch, int call);
  }

  static final double WATTS = 40;

  final List<LinearProvider> providers = new ArrayList<>();
  final List<String> events = new ArrayList<>();
  final Map<String, Integer> calls = new HashMap<>();
  final Map<String, Set<LinearWeights>> read = new HashMap<>();
  String description = "an abacus";
  long cacheBytes = 4096;
  long freeBytes = 1L << 30;
  boolean countsEnergy;

  /** How many seconds the counter of energy stands still at a time. */
  double energyStep = 1e-9;

  int openOperators;
  int openBenches;
  double now;

  /** Adds a provider of products that take some formats and up to so many rows. */
  FakeBench with(String name, long mostRows, Time time, Format... formats) {
    providers.add(new Fake(name, mostRows, time, formats));
    return this;
  }

  Products products() {
    return new Products(Device.cpu(2), providers, List.of(this));
  }

  Planner.Builder planner() {
    return new Planner.Builder(products());
  }

  @Override
  public Optional<LinearBench> open(Device device) {
    openBenches++;
    return Optional.of(new Bench());
  }

  private final class Bench implements LinearBench {
    @Override
    public String description() {
      return description;
    }

    @Override
    public long cacheBytes() {
      return cacheBytes;
    }

    @Override
    public long freeBytes() {
      return freeBytes;
    }

    @Override
    public Tensor copyOf(Tensor host) {
      Tensor copy = LayerCase.empty(host.dtype(), host.shape().toArray());
      copy.write(0, LayerCase.bytes(host));
      return copy;
    }

    @Override
    public void copyTo(Tensor here, Tensor host) {
      host.write(0, LayerCase.bytes(here));
    }

    @Override
    public OptionalLong stream() {
      return OptionalLong.of(77);
    }

    @Override
    public double seconds(Runnable work) {
      double begin = now;
      work.run();
      return now - begin;
    }

    @Override
    public OptionalDouble joules() {
      double counted = Math.floor(now / energyStep) * energyStep;
      return countsEnergy ? OptionalDouble.of(WATTS * counted) : OptionalDouble.empty();
    }

    @Override
    public void close() {
      openBenches--;
    }
  }

  private final class Fake implements LinearProvider {
    private final String name;
    private final long mostRows;
    private final Time time;
    private final Set<Format> formats;

    Fake(String name, long mostRows, Time time, Format... formats) {
      this.name = name;
      this.mostRows = mostRows;
      this.time = time;
      this.formats = EnumSet.copyOf(Arrays.asList(formats));
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public Availability availability(Device device) {
      return mostRows > 0
          ? new Availability.Usable("wood; beads 3")
          : new Availability.Unusable("its beads are lost");
    }

    @Override
    public Set<Format> formats(Device device, DType dtype, long batch) {
      return batch <= mostRows ? formats : Set.of();
    }

    @Override
    public LinearOperator prepare(
        LinearWeights weights, Optional<Tensor> bias, Device device, long mostBatch) {
      if (!formats(device, weights.dtype(), 1).contains(weights.format())) {
        throw new IllegalArgumentException(name + " has no product of " + weights.format().title());
      }
      openOperators++;
      events.add("prepare " + name + " " + weights.format().title());
      return new Product(this, weights, Math.min(mostBatch, mostRows));
    }
  }

  private final class Product implements LinearOperator {
    private final Fake fake;
    private final LinearWeights weights;
    private final long mostBatch;
    private boolean closed;

    Product(Fake fake, LinearWeights weights, long mostBatch) {
      this.fake = fake;
      this.weights = weights;
      this.mostBatch = mostBatch;
    }

    @Override
    public void apply(Tensor x, Tensor y, OptionalLong stream) {
      long batch = x.shape().dimension(0);
      if (batch > mostBatch) {
        throw new IllegalArgumentException("it takes " + mostBatch + " rows, not " + batch);
      }
      String what = fake.name + " " + weights.format().title();
      events.add(what + " " + batch);
      read.computeIfAbsent(what, w -> new HashSet<>()).add(weights);
      int call = calls.merge(what + " " + batch, 1, Integer::sum);
      now += fake.time.of(weights.format(), batch, call);
    }

    @Override
    public long bytes() {
      return weights.bytes();
    }

    @Override
    public void close() {
      openOperators -= closed ? 0 : 1;
      closed = true;
    }
  }
}
