#include "n_of_m.cuh"

#include "selection.h"

namespace coppice::test {
namespace {

struct Pattern {
  unsigned n;
  unsigned m;
  bool keep_nan = false;
  Ranked ranked = {};
};

Gone oracle(const Weights& w, const Pattern& pattern) {
  Gone gone(w.size());
  for (unsigned long long g = 0; g < w.size() / pattern.m; g++) {
    const unsigned long long first = g / w.inner * pattern.m * w.inner + g % w.inner;
    std::vector<unsigned long long> numbers;
    for (unsigned j = 0; j < pattern.m; j++) {
      if (!w.is_nan(first + j * w.inner)) {
        numbers.push_back(first + j * w.inner);
      }
    }
    const bool left = numbers.size() < pattern.m && !pattern.keep_nan;
    prune_first(w, pattern.ranked, numbers,
                left ? 0 : std::min<unsigned long long>(pattern.m - pattern.n, numbers.size()), gone);
  }
  return gone;
}

unsigned long long group_tiles(const Slice& slice, unsigned m) {
  const unsigned long long block = m * slice.inner;
  const unsigned long long outer = slice.elements / block;
  if (block <= GROUPS_TILE) {
    const unsigned long long each = GROUPS_TILE / block;
    return (outer + each - 1) / each;
  }
  const unsigned width = GROUPS_TILE / m / 32 * 32;
  return outer * ((slice.inner + width - 1) / width);
}

void check_kernel(const std::string& kernel, const std::vector<Weights>& all, const Pattern& pattern,
                  unsigned blocks, const std::string& where) {
  const bool vectors = kernel == "coppice_n_of_m_2_4";
  const SliceTable table(all, [&](const Slice& slice) {
    return vectors ? streamed_tiles(slice) : group_tiles(slice, pattern.m);
  });
  std::vector<Gone> gone;
  for (const Weights& w : all) {
    gone.push_back(oracle(w, pattern));
  }
  const unsigned key_bytes = pattern.ranked.ranking == Ranking::MAGNITUDE ? 4 : 8;
  const unsigned shared = vectors ? 64 : 64 + (GROUPS_TILE + 512) * key_bytes;
  launch(kernel, blocks, 256, shared,
         NOfMParameters{table.slices(), table.tallies(), table.tiles(), pattern.ranked.seed,
                        table.count(), pattern.n, pattern.m, pattern.ranked.ranking,
                        pattern.keep_nan ? 1U : 0U, 0});
  table.expect(gone, kernel + " " + std::to_string(pattern.n) + ":" + std::to_string(pattern.m) + where);
}

Weights groups(std::mt19937& random, unsigned bytes, unsigned long long count, unsigned nan_in = 0) {
  Weights w;
  w.bytes = bytes;
  w.bits = hard_bits(random, bytes, count, nan_in);
  return w;
}

// Every group of four of these values, which hold ties, both zeros, infinity and NaN.
std::vector<unsigned> all_fours(unsigned bytes) {
  const std::vector<unsigned> values = {0,          0x80000000U, 0x3F800000U, 0xBF800000U,
                                        0x40000000U, 0x7F800000U, 0x7FC00000U};
  std::vector<unsigned> bits;
  for (unsigned i = 0; i < 7 * 7 * 7 * 7; i++) {
    for (const unsigned digit : {i / 343, i / 49 % 7, i / 7 % 7, i % 7}) {
      bits.push_back(values[digit] >> (bytes == 2 ? 16 : 0));
    }
  }
  return bits;
}

TEST(NOfM, bothKernelsKeepTwoOfEveryFourValues) {
  for (const char* kernel : {"coppice_n_of_m_2_4", "coppice_n_of_m"}) {
    for (const unsigned bytes : {2U, 4U}) {
      for (const bool keep_nan : {false, true}) {
        Weights w;
        w.bytes = bytes;
        w.bits = all_fours(bytes);
        check_kernel(kernel, {w}, {2, 4, keep_nan}, 3, "");
      }
    }
  }
}

TEST(NOfM, twoOfFourAtEveryAlignmentAndSize) {
  std::mt19937 random(1);
  for (const unsigned bytes : {2U, 4U}) {
    for (unsigned lead = 0; lead < 16 / bytes; lead++) {
      std::vector<Weights> all;
      for (const unsigned count : {4U, 8U, 12U, 124U, 128U, 132U, 4092U, 8192U, 16388U}) {
        all.push_back(groups(random, bytes, count, count % 3 == 0 ? 50 : 0));
        all.back().lead = lead;
        all.back().tensor = count % 4;
        all.back().apart = count > 100 && count < 5000;
        all.back().shifted = count == 128;
      }
      check_kernel("coppice_n_of_m_2_4", all, {2, 4, lead % 2 == 1}, lead + 1,
                   " lead " + std::to_string(lead));
    }
  }
}

TEST(NOfM, twoOfFourDownColumns) {
  std::mt19937 random(7);
  for (const unsigned bytes : {2U, 4U}) {
    for (const bool keep_nan : {false, true}) {
      std::vector<Weights> all;
      for (const unsigned inner : {8U, 16U, 24U, 248U, 2048U, 2056U, 8192U}) {
        for (const unsigned outer : {1U, 3U}) {
          all.push_back(groups(random, bytes, outer * 4 * inner, inner % 16 == 8 ? 150 : 0));
          all.back().inner = inner;
          all.back().infinity16 = inner == 24 ? 0x7C00 : 0x7F80;
          all.back().tensor = inner % 3;
          all.back().first = inner * outer;
          all.back().apart = outer == 3;
        }
      }
      check_kernel("coppice_n_of_m_2_4", all, {2, 4, keep_nan}, 3, " down columns");
    }
  }
}

TEST(NOfM, theMaskAlone) {
  std::mt19937 random(2);
  for (const unsigned lead : {0U, 1U, 4U}) {
    Weights w = groups(random, 2, 20'000, 100);
    w.lead = lead;
    w.masked = true;
    w.mask_only = true;
    check_kernel("coppice_n_of_m", {w}, {2, 4}, 2, "");
  }
}

TEST(NOfM, everyMAlongEveryAxis) {
  std::mt19937 random(3);
  for (unsigned m = 2; m <= 32; m++) {
    std::vector<Weights> all;
    for (const unsigned inner : {1U, 2U, 3U, 31U, 32U, 33U, 300U}) {
      const unsigned outer = inner == 1 ? 200 : inner < 10 ? 50 : 2;
      all.push_back(groups(random, (m + inner) % 2 == 0 ? 2 : 4, m * inner * outer,
                           inner == 3 || inner == 33 ? 40 : 0));
      all.back().inner = inner;
      all.back().infinity16 = inner == 31 ? 0x7C00 : 0x7F80;
      all.back().lead = (m + inner) % 3;
      all.back().tensor = inner % 4;
      all.back().masked = inner % 2 == 1;
      all.back().apart = inner == 2 || inner == 33;
      all.back().shifted = m % 2 == 0;
    }
    for (const unsigned n : {1U, m / 2, m - 1}) {
      check_kernel("coppice_n_of_m", all, {n, m, m % 2 == 0}, m % 4 + 1, "");
    }
  }
}

TEST(NOfM, groupsAcrossWideStrips) {
  std::mt19937 random(4);
  for (const unsigned lead : {0U, 1U}) {
    for (const unsigned inner : {2048U, 4100U, 2051U}) {
      Weights w = groups(random, lead == 0 ? 2 : 4, 3 * 4 * inner, 1000);
      w.inner = inner;
      w.lead = lead;
      w.masked = true;
      check_kernel("coppice_n_of_m", {w}, {1, 4, true}, 3, " inner " + std::to_string(inner));
    }
  }
}

TEST(NOfM, randomWordsOfTheWholeTensorsIndexRank) {
  std::mt19937 random(5);
  for (const unsigned bytes : {2U, 4U}) {
    Weights whole = groups(random, bytes, 5 * 1000, 30);
    whole.first = 4'294'967'293ULL;
    whole.lead = 1;
    Weights strided = groups(random, bytes, 5 * 129, 30);
    strided.inner = 129;
    strided.first = 11;
    strided.run = 129;
    strided.stride = 1'000'003;
    strided.tensor = 1;
    strided.tensor_id = 0xFEDCBA9876543210ULL;
    strided.masked = true;
    Weights wide = strided;
    wide.bits = hard_bits(random, bytes, 5 * 2000);
    wide.inner = wide.run = 2000;
    wide.tensor = 2;
    for (const bool keep_nan : {false, true}) {
      check_kernel("coppice_n_of_m", {whole, strided, wide},
                   {2, 5, keep_nan, {Ranking::PHILOX, 0x123456789ABCDEFULL}}, 3, " at random");
    }
  }
}

TEST(NOfM, scoresRankAndWeightsGo) {
  std::mt19937 random(6);
  for (const unsigned bytes : {2U, 4U}) {
    Weights w = groups(random, bytes, 7 * 3 * 300, 60);
    w.inner = 3;
    w.apart = true;
    for (unsigned long long i = 0; i < w.size(); i++) {
      w.scores.push_back(static_cast<float>(random() % 5) * 0.25F);
    }
    check_kernel("coppice_n_of_m", {w}, {3, 7, true, {Ranking::SCORES}}, 2, " by scores");
  }
}

}  // namespace
}  // namespace coppice::test
