package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.reference.FloatingPoint;
import dev.coppice.spi.Closing;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearProvider;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;

/** Measures all products that there are of one layer. */
final class LayerBench implements AutoCloseable {
  /** So many samples that a quarter of them is more than one. */
  private static final int LEAST_TURNS = 7;

  private static final int MOST_TURNS = 41;

  /** What takes so many times as long as the best dense product gets no more than that. */
  private static final double SLOW = 4;

  /**
   * The share of the free memory that weights may take, each format with a copy in each product.
   */
  private static final int MEMORY_SHARE = 6;

  private static final long MOST_OPERAND_BYTES = 1 << 30;
  private static final int RANDOM_ELEMENTS = 1 << 16;

  /** How many seconds of products energy is measured over. */
  private static final double LEAST_STRETCH = 0.05;

  private static final double MOST_STRETCH = 0.5;

  private final Products products;
  private final LinearBench bench;
  private final LayerKind kind;
  private final Runnable checkpoint;
  private final Energy energy;
  private final List<Contender> contenders = new ArrayList<>();
  private final Set<Long> done = new HashSet<>();

  /**
   * Prepares all products that take one of the batches.
   *
   * @param bench a device that nothing else uses meanwhile, closed by the caller
   * @param checkpoint is called between samples, and throws where it is to end
   */
  LayerBench(
      Products products,
      LinearBench bench,
      LayerKind kind,
      Tensor weights,
      List<Long> batches,
      Runnable checkpoint) {
    this.products = products;
    this.bench = bench;
    this.kind = kind;
    this.checkpoint = checkpoint;
    this.energy = new Energy(bench, checkpoint);
    long most = batches.stream().mapToLong(b -> b).max().orElseThrow();
    try {
      prepare(weights, batches, most);
      if (contenders.stream().noneMatch(Contender::isDense)) {
        throw products.none(Format.DENSE, kind.dtype(), most);
      }
    } catch (RuntimeException | Error e) {
      try {
        close();
      } catch (RuntimeException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private void prepare(Tensor weights, List<Long> batches, long most) {
    List<Format> formats = kind.formats();
    long share = bench.freeBytes() / MEMORY_SHARE / formats.size();
    for (Format format : formats) {
      Set<LinearProvider> takers = new LinkedHashSet<>();
      batches.forEach(batch -> takers.addAll(products.having(format, kind.dtype(), batch)));
      if (takers.isEmpty()) {
        continue;
      }
      RotatingWeights rotating =
          RotatingWeights.of(format, weights, products.device(), bench.cacheBytes(), share);
      for (LinearProvider taker : takers) {
        checkpoint.run();
        Contender.of(taker, rotating, products.device(), most).ifPresent(contenders::add);
      }
    }
  }

  /**
   * Measures one batch; a smaller one if so many rows would take too long, and nothing if that was
   * measured already.
   *
   * @param seconds that it should take, more or less
   */
  List<LinearPlan.Row> measure(String layer, double sparsity, long asked, double seconds) {
    if (done.isEmpty() && asked > 1) {
      glance(); // One row tells what more of them may take.
    }
    long batch = affordable(asked, seconds);
    if (!done.add(batch)) {
      return List.of();
    }
    Tensor x = random(batch);
    Tensor y = bench.copyOf(tensor(batch, (int) kind.out()));
    List<Contender> field = field(batch, seconds);
    field.forEach(contender -> warmUp(contender, x, y));
    Contender dense = fastestDense(field, batch).orElseThrow();
    field.removeIf(c -> c != dense && !c.fits(batch, seconds / (2 * LEAST_TURNS)));
    List<Contest.Entry> entries = samples(field, dense, x, y, seconds);
    Contest contest = new Contest(entries);
    double stretch = Math.max(LEAST_STRETCH, Math.min(MOST_STRETCH, seconds / 10));
    double enough = energy.spent() + seconds;
    List<LinearPlan.Row> rows = new ArrayList<>();
    for (int i = 0; i < entries.size(); i++) {
      Contest.Entry entry = entries.get(i);
      Contender contender = field.get(i);
      contender.know(batch, entry.median());
      boolean counted = contest.decides(entry) || energy.spent() < enough;
      rows.add(
          new LinearPlan.Row(
              layer,
              kind.out(),
              kind.in(),
              kind.dtype(),
              sparsity,
              batch,
              contender.provider(),
              contender.format(),
              entry.median(),
              entry.spread(),
              contest.speedup(entry),
              contender.bytes(),
              counted ? energy.joules(contender, x, y, stretch) : Optional.empty(),
              entry == contest.winner()));
    }
    return rows;
  }

  private void glance() {
    Tensor x = random(1);
    Tensor y = bench.copyOf(tensor(1, (int) kind.out()));
    for (Contender contender : contenders) {
      if (contender.takes(products.device(), kind.dtype(), 1)) {
        warmUp(contender, x, y);
      }
    }
  }

  private void warmUp(Contender contender, Tensor x, Tensor y) {
    checkpoint.run();
    contender.warmUp(bench, x, y);
  }

  /** Halves the batch until dense products and as many others can be measured in the time. */
  private long affordable(long asked, double seconds) {
    long batch = asked;
    long rowBytes = Math.max(kind.out(), kind.in()) * kind.dtype().bytes();
    while (batch > 1
        && (batch * rowBytes > MOST_OPERAND_BYTES
            || 2 * LEAST_TURNS * fastestDenseSeconds(batch) > seconds)) {
      batch /= 2;
    }
    return batch;
  }

  private double fastestDenseSeconds(long batch) {
    return fastestDense(contenders, batch)
        .map(dense -> dense.expected(batch).orElse(0))
        .orElse(0.0);
  }

  private Optional<Contender> fastestDense(List<Contender> among, long batch) {
    return among.stream()
        .filter(c -> c.isDense() && c.takes(products.device(), kind.dtype(), batch))
        .min(Comparator.comparingDouble(c -> c.expected(batch).orElse(0)));
  }

  /** Gives what can be measured in the time; the dense product that seems fastest in any case. */
  private List<Contender> field(long batch, double seconds) {
    Contender dense =
        fastestDense(contenders, batch)
            .orElseThrow(() -> products.none(Format.DENSE, kind.dtype(), batch));
    List<Contender> field = new ArrayList<>();
    for (Contender contender : contenders) {
      boolean takes = contender.takes(products.device(), kind.dtype(), batch);
      if (contender == dense || (takes && contender.fits(batch, seconds))) {
        field.add(contender);
      }
    }
    return field;
  }

  private List<Contest.Entry> samples(
      List<Contender> field, Contender dense, Tensor x, Tensor y, double seconds) {
    long batch = x.shape().dimension(0);
    double slow = SLOW * dense.expected(batch).orElseThrow();
    List<List<Double>> samples = field.stream().<List<Double>>map(c -> new ArrayList<>()).toList();
    double spent = 0;
    for (int turn = 0; turn < LEAST_TURNS || (turn < MOST_TURNS && spent < seconds); turn++) {
      for (int i = 0; i < field.size(); i++) {
        int at = (turn + i) % field.size(); // Nobody always comes after the same one.
        Contender contender = field.get(at);
        if (turn < LEAST_TURNS || contender.fits(batch, slow)) {
          checkpoint.run();
          int calls = contender.calls(batch);
          double each = contender.seconds(bench, x, y, calls);
          samples.get(at).add(each);
          spent += calls * each;
        }
      }
    }
    List<Contest.Entry> entries = new ArrayList<>();
    for (int i = 0; i < field.size(); i++) {
      double[] taken = samples.get(i).stream().mapToDouble(s -> s).toArray();
      entries.add(new Contest.Entry(field.get(i).isDense(), taken));
    }
    return entries;
  }

  /** Gives numbers around 0, none of them near 0. */
  private Tensor random(long batch) {
    int bytes = kind.dtype().bytes();
    ByteBuffer block = ByteBuffer.allocate(RANDOM_ELEMENTS * bytes).order(ByteOrder.LITTLE_ENDIAN);
    SplittableRandom random = new SplittableRandom(batch);
    for (int i = 0; i < RANDOM_ELEMENTS; i++) {
      double size = 0.5 + random.nextDouble();
      FloatingPoint.write(block, i, kind.dtype(), random.nextBoolean() ? size : -size);
    }
    Tensor x = tensor(batch, kind.in());
    for (long at = 0; at < x.shape().elements(); at += RANDOM_ELEMENTS) {
      int count = (int) Math.min(RANDOM_ELEMENTS, x.shape().elements() - at);
      x.write(at, block.duplicate().limit(count * bytes));
    }
    return bench.copyOf(x);
  }

  private Tensor tensor(long rows, int columns) {
    DType dtype = kind.dtype();
    ByteBuffer bytes = ByteBuffer.allocateDirect((int) (rows * columns * dtype.bytes()));
    return Tensor.of(dtype, bytes, rows, columns);
  }

  @Override
  public void close() {
    Closing.all(contenders.stream().<Runnable>map(contender -> contender::close).toList());
  }
}
