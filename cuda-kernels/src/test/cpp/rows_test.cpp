#include "rows.cuh"

#include <cmath>
#include <string_view>

#include "selection.h"

namespace coppice::test {
namespace {

constexpr std::string_view WARP = "coppice_rows_warp";
constexpr std::string_view BLOCK = "coppice_rows_block";
constexpr std::string_view GLOBAL = "coppice_rows_global";

struct Part {
  double fraction = 0.5;         // negative: `count`
  unsigned long long count = 0;
  bool keep_nan = false;
  Ranked ranked = {};
};

// Marks what goes; gives whether a row had fewer numbers than the count.
bool oracle(const Weights& w, const Part& part, Gone& gone) {
  bool refused = false;
  for (unsigned long long row = 0; row < w.rows; row++) {
    std::vector<unsigned long long> numbers;
    unsigned long long nans = 0;
    for (unsigned long long first = row * w.inner; first < w.size(); first += w.rows * w.inner) {
      for (unsigned long long i = first; i < first + w.inner; i++) {
        if (w.is_nan(i)) {
          nans++;
        } else {
          numbers.push_back(i);
        }
      }
    }
    if (nans != 0 && !part.keep_nan) {
      continue;
    }
    if (part.fraction < 0 && part.count > numbers.size()) {
      refused = true;
      continue;
    }
    const auto k = part.fraction < 0 ? part.count
                                     : static_cast<unsigned long long>(std::nearbyint(
                                           part.fraction * static_cast<double>(numbers.size())));
    prune_first(w, part.ranked, numbers, k, gone);
  }
  return refused;
}

template <typename T>
T round_to(T value, T to) {
  return (value + to - 1) / to * to;
}

unsigned long long staged_bytes(const Weights& w, const Part& part) {
  const unsigned long long lanes = 16 / w.bytes;
  const unsigned long long outer = w.size() / (w.rows * w.inner);
  const unsigned long long width = w.tile_rows * w.inner;
  return (outer == 1 ? round_to(width + lanes - 1, lanes) : outer * round_to(width, lanes)) *
         (w.bytes + (part.ranked.ranking == Ranking::MAGNITUDE ? 0 : 4));
}

unsigned shared_bytes(std::string_view kernel, unsigned threads, const std::vector<Weights>& all,
                      const Part& part) {
  unsigned long long rows = 0;
  unsigned long long staged = 0;
  for (const Weights& w : all) {
    rows = std::max<unsigned long long>(rows, w.tile_rows);
    staged = std::max(staged, staged_bytes(w, part));
  }
  if (kernel == GLOBAL) {
    return static_cast<unsigned>(ROWS_HEADER_BYTES + rows * LONG_ROW_BYTES);
  }
  const unsigned long long selected = kernel == WARP ? threads / 32 : rows;
  return static_cast<unsigned>(ROWS_HEADER_BYTES + selected * ROW_BYTES + staged);
}

void check_rows(std::string_view kernel, const std::vector<Weights>& all, const Part& part,
                unsigned blocks, unsigned threads) {
  const SliceTable table(all, [](const Slice& slice) {
    return (slice.rows + slice.tile_rows - 1) / slice.tile_rows;
  });
  bool refused = false;
  std::vector<Gone> gone;
  for (const Weights& w : all) {
    gone.emplace_back(w.size());
    refused |= oracle(w, part, gone.back());
  }
  const DeviceArray<State> state(1);
  launch(std::string(kernel), blocks, threads, shared_bytes(kernel, threads, all, part),
         RowsParameters{table.slices(), table.tallies(), state.data(), table.tiles(), part.ranked.seed,
                        part.fraction, part.count, table.count(), part.ranked.ranking,
                        part.keep_nan ? 1U : 0U, 0});
  const std::string where = std::string(kernel) + ", " + std::to_string(threads) + " threads, fraction " +
                            std::to_string(part.fraction) + ", count " + std::to_string(part.count);
  table.expect(gone, where);
  EXPECT_EQ(state.read()[0].refused, refused ? 1U : 0U) << where;
}

Weights matrix(std::mt19937& random, unsigned bytes, unsigned outer, unsigned rows, unsigned inner,
               unsigned nan_in = 0) {
  Weights w;
  w.bytes = bytes;
  w.bits = hard_bits(random, bytes, 1ULL * outer * rows * inner, nan_in);
  w.rows = rows;
  w.inner = inner;
  return w;
}

// Rows that lie side by side, from one element on.
std::vector<Weights> whole_rows(std::mt19937& random, unsigned bytes) {
  std::vector<Weights> all;
  for (const unsigned length : {1U, 2U, 31U, 32U, 33U, 255U, 256U, 257U, 1000U, 3001U}) {
    all.push_back(matrix(random, bytes, 1, length > 500 ? 3 : 29, length, length % 2 == 0 ? 100 : 0));
    Weights& w = all.back();
    w.tile_rows = length > 500 ? 1 : length % 7 * 3 + 1;
    w.lead = length % (16 / bytes);
    w.tensor = length % 4;
    w.masked = length % 3 == 0;
    w.apart = length % 5 == 0;
    w.shifted = length == 1000;
    w.infinity16 = length == 256 ? 0x7C00 : 0x7F80;
  }
  return all;
}

// Rows whose elements lie apart.
std::vector<Weights> columns(std::mt19937& random, unsigned bytes) {
  std::vector<Weights> all;
  for (const auto& [outer, rows, inner] :
       std::vector<std::tuple<unsigned, unsigned, unsigned>>{
           {5, 7, 3}, {64, 33, 1}, {300, 16, 1}, {37, 5, 9}, {700, 1, 1}, {3, 4, 40}, {2, 3, 500}}) {
    all.push_back(matrix(random, bytes, outer, rows, inner, outer == 64 ? 500 : 0));
    Weights& w = all.back();
    w.tile_rows = inner == 1 ? 16 : inner < 10 ? 4 : 1;
    w.lead = outer == 37 ? 1 : 0;
    w.tensor = outer % 4;
    w.masked = inner != 3;
    w.apart = outer == 300 || outer == 37;
  }
  return all;
}

class Rows : public testing::TestWithParam<unsigned> {};

TEST_P(Rows, everyFractionOfShortRowsGoes) {
  std::mt19937 random(1);
  for (const double fraction : {0.0, 0.5, 1.0 / 3, 0.97, 1.0}) {
    for (const bool keep_nan : {false, true}) {
      const Part part{fraction, 0, keep_nan};
      const std::vector<Weights> all = whole_rows(random, GetParam());
      check_rows(WARP, all, part, 3, 256);
      check_rows(BLOCK, all, part, 7, 128);
      check_rows(GLOBAL, all, part, 1, 512);
    }
  }
}

TEST_P(Rows, everyFractionOfRowsThatLieApartGoes) {
  std::mt19937 random(2);
  for (const double fraction : {0.0, 0.5, 1.0 / 3, 1.0}) {
    for (const bool keep_nan : {false, true}) {
      const Part part{fraction, 0, keep_nan};
      const std::vector<Weights> all = columns(random, GetParam());
      check_rows(BLOCK, all, part, 3, 256);
      check_rows(BLOCK, all, part, 64, 32);
      check_rows(GLOBAL, all, part, 2, 512);
    }
  }
}

TEST_P(Rows, aCountAboveARowsNumbersIsRefusedAndTheRowStays) {
  std::mt19937 random(3);
  for (const unsigned long long count : {0ULL, 1ULL, 32ULL, 33ULL, 100'000ULL}) {
    std::vector<Weights> all = whole_rows(random, GetParam());
    check_rows(WARP, all, {-1, count, true}, 2, 256);
    check_rows(BLOCK, all, {-1, count, false}, 2, 64);
    check_rows(GLOBAL, columns(random, GetParam()), {-1, count, true}, 2, 64);
  }
}

TEST_P(Rows, amongEqualsTheFirstStay) {
  for (const unsigned pattern : {0U, 0x3F803F80U, 0x80008000U}) {
    for (const unsigned long long count : {0ULL, 1ULL, 31ULL, 500ULL, 999ULL, 1000ULL}) {
      Weights w;
      w.bytes = GetParam();
      w.bits.assign(6000, pattern >> (w.bytes == 2 ? 16 : 0));
      w.rows = 6;
      w.inner = 1000;
      w.masked = true;
      Weights apart = w;
      apart.inner = 10;
      apart.tile_rows = 3;
      check_rows(WARP, {w}, {-1, count}, 2, 256);
      check_rows(BLOCK, {w, apart}, {-1, count}, 2, 256);
      check_rows(GLOBAL, {w, apart}, {-1, count}, 2, 256);
    }
  }
}

TEST_P(Rows, randomWordsAndScoresRank) {
  std::mt19937 random(4);
  for (const bool scored : {false, true}) {
    const Part part{0.5, 0, true, {scored ? Ranking::SCORES : Ranking::PHILOX, 0xABCDEF0123456789ULL}};
    for (const bool apart : {false, true}) {
      std::vector<Weights> all = apart ? columns(random, GetParam()) : whole_rows(random, GetParam());
      for (Weights& w : all) {
        w.first = 1'000'000'000'001ULL;
        if (apart) {  // a strip of a wider matrix
          w.run = w.rows * w.inner;
          w.stride = w.run + 1001;
        }
        for (unsigned long long i = 0; scored && i < w.size(); i++) {
          w.scores.push_back(static_cast<float>(random() % 7));
        }
      }
      if (!apart) {
        check_rows(WARP, all, part, 3, 256);
      }
      check_rows(BLOCK, all, part, 3, 256);
      check_rows(GLOBAL, all, part, 3, 256);
    }
  }
}

TEST_P(Rows, aRowOfManyTilesIsReadFromDeviceMemory) {
  std::mt19937 random(5);
  Weights w = matrix(random, GetParam(), 1, 2, 150'001, 10'000);
  w.lead = 3;
  check_rows(GLOBAL, {w}, {0.5, 0, true}, 2, 512);
  check_rows(GLOBAL, {w}, {0.5, 0, false}, 2, 512);
}

TEST_P(Rows, rowsThatJustFitTheRegistersAndLongerOnesArePruned) {
  std::mt19937 random(6);
  const unsigned lanes = 16 / GetParam();
  for (const unsigned teams : {1U, 2U}) {  // warps that hold a row
    for (const unsigned length : {256 * teams * lanes, 256 * teams * lanes - lanes + 1, 256 * teams * lanes + 1}) {
      for (const unsigned lead : {0U, lanes - 1}) {
        Weights w = matrix(random, GetParam(), 1, 3, length, 5000);
        w.lead = lead;
        w.masked = lead != 0;
        check_rows(teams == 1 ? WARP : BLOCK, {w}, {0.4, 0, true}, 2, 32 * teams);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(BytesOfAnElement, Rows, testing::Values(2U, 4U));

}  // namespace
}  // namespace coppice::test
