package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The masks of torch.nn.utils.prune, of torch.ao.pruning and of a stable sort in numpy, which every
 * implementation of {@link SliceKernels} must give.
 */
public abstract class GoldenMasksContract {
  private final GuardedMemory memory = new GuardedMemory();

  /** Gives the implementation under test. */
  protected abstract SliceKernels kernels();

  @Test
  void masksAreThoseOfTorchAndNumpy() {
    List<List<String>> rows = GoldenVectors.read("masks.txt");
    assertThat(rows).hasSizeGreaterThan(50);
    for (List<String> row : rows) {
      DType dtype = DType.valueOf(row.get(1));
      int[] bits =
          Stream.of(row.get(2).split(" ")).mapToInt(b -> Integer.parseUnsignedInt(b, 16)).toArray();
      int[] kept = row.get(3).chars().map(digit -> digit - '0').toArray();
      SliceCase c = SliceCase.contiguous(dtype, new Ranking.Magnitude(), bits, 0);
      Tally tally = new Tally();
      run(row.get(0).split(" "), memory.lend(c, 0), tally);
      memory.assertHolds(
          c, IntStream.range(0, bits.length).map(i -> bits[i] * kept[i]).toArray(), row.get(0));
      assertThat(tally.pruned).as(row.get(0)).isEqualTo(bits.length - IntStream.of(kept).sum());
    }
  }

  private void run(String[] operation, Slice slice, Tally tally) {
    int a = Integer.parseInt(operation[1]);
    int b = Integer.parseInt(operation[2]);
    int inner = Integer.parseInt(operation[3]);
    if (operation[0].equals("nofm")) {
      kernels().selectNofM(slice, a, b, inner, NanPolicy.REFUSE, tally);
    } else {
      Amount amount = new Amount.Fraction(Double.parseDouble(operation[4]));
      kernels().selectRows(slice, a, b, inner, amount, NanPolicy.REFUSE, tally);
    }
  }

  @Test
  void randomKeysAreThoseOfTorchsPhilox() {
    Histogram histogram = new Histogram();
    for (List<String> row : GoldenVectors.read("philox.txt")) {
      Ranking ranking = new Ranking.Philox(Long.parseLong(row.get(1)), Philox.tensorId(row.get(0)));
      long index = Long.parseLong(row.get(2));
      SliceCase c = SliceCase.contiguous(DType.F16, ranking, new int[1], index);
      histogram.clear(1);
      Window window = new Window(Long.parseLong(row.get(3), 16), 0, 1);
      kernels().histogram(memory.lend(c, 0), window, histogram);
      assertThat(histogram.counts().get(0)).as("%s", row).isEqualTo(1);
    }
  }
}
