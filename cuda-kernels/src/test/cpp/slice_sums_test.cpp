#include "slice_sums.cuh"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <tuple>

#include "kernel_test.h"

namespace coppice::test {
namespace {

using Chunk = std::array<double, 32>;

double folded(Chunk partials) {
  for (unsigned distance = 16; distance > 0; distance /= 2) {
    for (unsigned j = 0; j < distance; j++) {
      partials[j] += partials[j + distance];
    }
  }
  return partials[0];
}

// A tensor of F32 or BF16, and the numbers of each row that count.
struct Case {
  unsigned outer;
  unsigned rows;
  unsigned inner;
  unsigned from;
  unsigned to;
  unsigned gap = 0;  // elements between one outer index and the next

  unsigned stride() const { return rows * inner + gap; }
  unsigned chunks() const { return (to - from + SUM_CHUNK - 1) / SUM_CHUNK; }
  unsigned at(unsigned row, unsigned number) const {
    return number / inner * stride() + row * inner + number % inner;
  }
};

std::vector<double> expected(const Case& c, const std::vector<float>& values, bool squares) {
  std::vector<double> sums;
  for (unsigned row = 0; row < c.rows; row++) {
    for (unsigned begin = c.from; begin < c.to; begin += SUM_CHUNK) {
      Chunk partials = {};
      for (unsigned n = begin; n < std::min(begin + SUM_CHUNK, c.to); n++) {
        const double value = std::fabs(values[c.at(row, n)]);
        partials[(n - begin) % 32] += squares ? value * value : value;
      }
      sums.push_back(folded(partials));
    }
  }
  return sums;
}

// Gives the sums, and lowers first_nan.
template <typename Bits>
std::vector<double> sums(const Case& c, const std::vector<Bits>& bits, bool squares, unsigned blocks,
                         unsigned long long& first_nan) {
  const DeviceArray<Bits> elements(bits, sizeof(Bits));
  const DeviceArray<double> made(std::vector<double>(std::size_t{c.rows} * c.chunks(), -1));
  const DeviceArray<unsigned long long> nan(std::vector<unsigned long long>(1, ~0ULL));
  const SliceSumsParameters p = {elements.data(), made.data(), nan.data(), c.rows, c.inner, c.stride(), c.from,
                                 c.to, sizeof(Bits) == 4 ? Element::F32 : Element::BF16, squares ? 1U : 0U};
  launch("coppice_slice_sums", blocks, SUMS_THREADS, SUMS_SHARED, p);
  first_nan = nan.read()[0];
  return made.read();
}

std::vector<float> gaussian(std::mt19937& random, std::size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  std::generate(values.begin(), values.end(), [&] { return normal(random); });
  return values;
}

const std::vector<Case> CASES = {
    {1, 3, 1, 0, 1},           {1, 5, 31, 0, 31},       {1, 40, 32, 0, 32},       {1, 4, 257, 0, 257},
    {1, 2, 20'000, 0, 20'000}, {70, 3, 1, 0, 70},       {70, 65, 1, 0, 70},       {9000, 2, 1, 0, 9000},
    {40, 33, 1, 3, 39, 5},     {50, 9, 3, 4, 147},      {3000, 2, 7, 0, 21'000},  {30, 6, 9, 2, 260, 11},
    {5, 3, 8, 0, 40},          {2, 2, 5000, 0, 10'000}, {3, 2, 600, 599, 1201},
};

TEST(SliceSums, everyChunkIsAddedUpInTheOrderOfTheSpecification) {
  std::mt19937 random(1);
  for (const Case& c : CASES) {
    const std::vector<float> values = gaussian(random, std::size_t{c.outer} * c.stride());
    std::vector<unsigned> bits;
    std::vector<std::uint16_t> halves;
    std::vector<float> rounded;
    for (const float value : values) {
      bits.push_back(std::bit_cast<unsigned>(value));
      halves.push_back(static_cast<std::uint16_t>(bits.back() >> 16));
      rounded.push_back(std::bit_cast<float>(bits.back() >> 16 << 16));
    }
    for (const unsigned blocks : {1U, 2U, 50U}) {
      for (const bool squares : {false, true}) {
        unsigned long long nan = 0;
        EXPECT_EQ(sums(c, bits, squares, blocks, nan), expected(c, values, squares)) << c.outer << "x" << c.rows;
        EXPECT_EQ(sums(c, halves, squares, blocks, nan), expected(c, rounded, squares)) << c.outer << "x" << c.rows;
        EXPECT_EQ(nan, ~0ULL);
      }
    }
  }
}

TEST(SliceSums, theFirstNanIsFoundAmongThoseThatCount) {
  std::mt19937 random(2);
  for (const Case& c : CASES) {
    std::vector<unsigned> bits(std::size_t{c.outer} * c.stride(), std::bit_cast<unsigned>(1.5F));
    unsigned long long first = ~0ULL;
    for (int i = 0; i < 3; i++) {
      const unsigned row = static_cast<unsigned>(random()) % c.rows;
      const unsigned number = c.from + static_cast<unsigned>(random()) % (c.to - c.from);
      bits[c.at(row, number)] = 0xFFC00001U;
      first = std::min<unsigned long long>(first, c.at(row, number));
    }
    if (c.from > 0) {
      bits[c.at(0, c.from - 1)] = 0x7F800001U;
    }
    unsigned long long nan = 0;
    sums(c, bits, true, 2, nan);
    EXPECT_EQ(nan, first) << c.outer << "x" << c.rows;
  }
}

}  // namespace
}  // namespace coppice::test
