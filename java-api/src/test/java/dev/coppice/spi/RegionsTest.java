package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class RegionsTest {
  private static final int[] SIZES = {64, 72, 1000, 1 << 20};

  /** Weights in memory that are their own index. */
  private record Numbers(Shape shape, Axes axes, ByteBuffer data) implements Weights {
    static Numbers of(int output, int reduction, long... shape) {
      Shape whole = Shape.of(shape);
      int elements = (int) whole.elements();
      ByteBuffer data = ByteBuffer.allocate(4 * elements).order(ByteOrder.LITTLE_ENDIAN);
      for (int i = 0; i < elements; i++) {
        data.putInt(4 * i, i);
      }
      return new Numbers(whole, new Axes(output, reduction), data);
    }

    @Override
    public String name() {
      return "w";
    }

    @Override
    public DType dtype() {
      return DType.F32;
    }

    @Override
    public void read(long first, ByteBuffer into) {
      into.put(data.slice(4 * (int) first, into.remaining()));
    }

    @Override
    public void write(long first, ByteBuffer from) {
      data.slice(4 * (int) first, from.remaining()).put(from);
    }
  }

  private static List<Region> list(Regions regions) {
    List<Region> all = new ArrayList<>();
    for (long i = 0; i < regions.count(); i++) {
      all.add(regions.at().apply(i));
    }
    return all;
  }

  /** Gives the region's elements in the order in which a dense slice holds them. */
  private static int[] elements(Region region) {
    int[] elements = new int[region.elements()];
    for (int i = 0; i < elements.length; i++) {
      elements[i] =
          (int)
              (region.first() + i / region.runLength() * region.stride() + i % region.runLength());
    }
    return elements;
  }

  private static void assertEachOnce(Numbers weights, Regions regions, String what) {
    int[] times = new int[(int) weights.shape().elements()];
    for (Region region : list(regions)) {
      for (int element : elements(region)) {
        times[element]++;
      }
    }
    assertThat(times).as(what).containsOnly(1);
  }

  private static List<Numbers> numbers() {
    List<Numbers> all = new ArrayList<>();
    for (int output = 0; output < 3; output++) {
      for (int reduction = 0; reduction < 3; reduction++) {
        all.add(Numbers.of(output, reduction, 8, 4, 12));
        all.add(Numbers.of(output, reduction, 4, 8, 200));
        all.add(Numbers.of(output, reduction, 100, 4, 4));
      }
    }
    return all;
  }

  @Test
  void slicesHoldEachWeightOnceAndNoMoreThanTheirSize() {
    for (Numbers weights : numbers()) {
      for (int size : SIZES) {
        Regions regions = Regions.of(weights, size);
        assertEachOnce(weights, regions, weights.shape() + " in " + size);
        assertThat(list(regions)).allMatch(r -> r.isContiguous() && r.bytes() <= size);
      }
    }
  }

  @Test
  void groupsStayWholeAlongTheReductionAxisWhereverItIs() {
    for (Numbers weights : numbers()) {
      long inner = weights.shape().after(weights.axes().reduction());
      for (int size : SIZES) {
        Regions regions = Regions.ofGroups(weights, 4, size);
        assertEachOnce(weights, regions, weights + " in " + size);
        for (Region region : list(regions)) {
          assertThat(region.bytes()).isLessThanOrEqualTo(region.runs() == 1 ? size : 16 * size);
          assertWhole(region, e -> e / (4 * inner) * inner + e % inner, 4);
        }
      }
    }
  }

  @Test
  void rowsStayWholeAlongTheOutputAxisWhereverItIs() {
    for (Numbers weights : numbers()) {
      long inner = weights.shape().after(weights.axes().output());
      long rows = weights.shape().dimension(weights.axes().output());
      int row = (int) (weights.shape().elements() / rows);
      for (int size : SIZES) {
        if (4 * row <= size) {
          Regions regions = Regions.ofRows(weights, size);
          assertEachOnce(weights, regions, weights + " in " + size);
          for (Region region : list(regions)) {
            assertThat(region.bytes()).isLessThanOrEqualTo(region.runs() == 1 ? size : 16 * size);
            assertWhole(region, e -> e / inner % rows, row);
          }
        }
      }
    }
  }

  /** Every group that the region touches has all its members in it. */
  private static void assertWhole(Region region, Function<Long, Long> groupOf, int members) {
    Map<Long, Integer> counts = new HashMap<>();
    for (long element : elements(region)) {
      counts.merge(groupOf.apply(element), 1, Integer::sum);
    }
    assertThat(counts.values()).as("%s", region).containsOnly(members);
  }

  @Test
  void aRowOfItsOwnIsCutInTheOrderOfItsPositions() {
    for (Numbers weights : numbers()) {
      long inner = weights.shape().after(weights.axes().output());
      long rows = weights.shape().dimension(weights.axes().output());
      for (int size : SIZES) {
        List<Integer> elements = new ArrayList<>();
        for (Region region : list(Regions.ofRow(weights, 1, size))) {
          assertThat(region.bytes()).isLessThanOrEqualTo(size);
          for (int element : elements(region)) {
            elements.add(element);
          }
        }
        assertThat(elements)
            .isSorted()
            .doesNotHaveDuplicates()
            .hasSize((int) (weights.shape().elements() / rows))
            .allMatch(e -> e / inner % rows == 1);
      }
    }
  }

  @Test
  void aRegionIsLoadedDenselyAndStoredWhereItCameFrom() throws IOException {
    Random random = new Random(1);
    for (Region region :
        List.of(
            new Region(Numbers.of(0, 1, 10, 10), 3, 4, 5, 20),
            new Region(Numbers.of(0, 1, 10, 10), 7, 3, 10, 10),
            new Region(Numbers.of(0, 1, 10, 10), 99, 1, 1, 1))) {
      ByteBuffer buffer = ByteBuffer.allocateDirect(1000).order(ByteOrder.LITTLE_ENDIAN);
      buffer.position(random.nextInt(100)).limit(buffer.position() + region.bytes() + 8);
      int begin = buffer.position();
      int limit = buffer.limit();
      int[] elements = elements(region);
      region.load(buffer);
      assertThat(buffer.position()).isEqualTo(begin);
      assertThat(buffer.limit()).isEqualTo(limit);
      for (int i = 0; i < elements.length; i++) {
        assertThat(buffer.getInt(begin + 4 * i)).as("element %d", i).isEqualTo(elements[i]);
        buffer.putInt(begin + 4 * i, -elements[i]);
      }
      assertThat(buffer.getLong(limit - 8)).as("what lies behind").isZero();
      region.store(buffer);
      Numbers weights = (Numbers) region.weights();
      for (int i = 0; i < 100; i++) {
        int at = i;
        boolean inside = Arrays.stream(elements).anyMatch(e -> e == at);
        assertThat(weights.data.getInt(4 * i)).as("weight %d", i).isEqualTo(inside ? -i : i);
      }
    }
  }
}
