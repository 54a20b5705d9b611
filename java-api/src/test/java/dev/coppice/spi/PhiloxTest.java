package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PhiloxTest {
  /** The known answers that Random123 publishes for philox4x32-10: counter, key, words. */
  @Test
  void wordsAreThoseOfRandom123() {
    assertWords(0, 0, 0, new int[] {0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8});
    assertWords(-1, -1, -1, new int[] {0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd});
    assertWords(
        0x85a3_08d3_243f_6a88L,
        0x0370_7344_1319_8a2eL,
        0x299f_31d0_a409_3822L,
        new int[] {0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1});
  }

  private static void assertWords(long block, long tensor, long seed, int[] words) {
    assertThat(Philox.words(seed, tensor, block)).containsExactly(words);
    long[] expected = IntStream.of(words).mapToLong(Integer::toUnsignedLong).toArray();
    assertThat(PhiloxOracle.words(new Ranking.Philox(seed, tensor), block))
        .containsExactly(expected);
  }

  @Test
  void wordsAreThoseOfTorch() {
    List<List<String>> rows = GoldenVectors.read("philox.txt");
    assertThat(rows).hasSizeGreaterThan(300);
    for (List<String> row : rows) {
      long tensor = Philox.tensorId(row.get(0));
      int word = Philox.word(Long.parseLong(row.get(1)), tensor, Long.parseLong(row.get(2)));
      assertThat("%08x".formatted(word)).as("%s", row).isEqualTo(row.get(3));
    }
  }

  @Test
  void wordsAreThoseOfTheOracle() {
    SplittableRandom random = new SplittableRandom(3);
    for (int i = 0; i < 10_000; i++) {
      Ranking.Philox philox = new Ranking.Philox(random.nextLong(), random.nextLong());
      long index = random.nextLong();
      assertThat(Integer.toUnsignedLong(Philox.word(philox.seed(), philox.tensor(), index)))
          .as("%s at %d", philox, index)
          .isEqualTo(PhiloxOracle.word(philox, index));
    }
  }
}
