// That the tensor cores' operands lie in a warp's registers as the emulated driver takes them to: on a device this is
// the proof, on the emulated driver it shows that the test would work there.
#include "fragments.cuh"

#include <bit>

#include "fragments.h"
#include "kernel_test.h"

namespace coppice::test {
namespace {

constexpr unsigned WARP = 32;
constexpr unsigned SHARED = 4 * 8 * 32;

// A number up to 256 in BF16 or F16: exact in both.
std::uint16_t bits_of(unsigned number, bool f16) {
  if (f16) {
    return std::bit_cast<std::uint16_t>(static_cast<_Float16>(number));
  }
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(number)) >> 16);
}

// The only weight that is not zero.
struct OneHot {
  unsigned row;
  unsigned stored;
  unsigned code;  // of its four

  unsigned column() const { return stored / 2 * 4 + (code >> 2 * (stored % 2) & 3U); }
};

std::vector<OneHot> every_one() {
  std::vector<OneHot> all;
  for (unsigned row = 0; row < 16; row++) {
    for (unsigned stored = 0; stored < 16; stored++) {
      for (const unsigned code : {0x4U, 0x8U, 0xCU, 0x9U, 0xDU, 0xEU}) {
        all.push_back({row, stored, code});
      }
    }
  }
  return all;
}

// All weights are one-hot, and B(k, n) = 1 + k + 32 n.
std::vector<FragmentOperands> operands(const OneHot& weight, bool f16, unsigned selector) {
  std::vector<FragmentOperands> lanes(WARP);
  for (unsigned lane = 0; lane < WARP; lane++) {
    // Where no positions are looked for, such as would be noticed.
    lanes[lane].positions = lane % 4 / 2 == selector ? 0xEEEEEEEEU : 0;
    for (unsigned i = 0; i < 4; i++) {
      for (unsigned half = 0; half < 2; half++) {
        const auto a = fragments::of_a(lane, i, half);
        const bool hot = a.row == weight.row && a.column == weight.stored;
        lanes[lane].a[i] |= static_cast<unsigned>(bits_of(hot ? 1 : 0, f16)) << 16 * half;
        const auto b = fragments::of_b(lane, i, half);
        lanes[lane].b[i] |= static_cast<unsigned>(bits_of(1 + b.row + 32 * b.column, f16)) << 16 * half;
      }
    }
  }
  const auto place = fragments::of_positions(weight.row, weight.stored / 2, selector);
  unsigned& word = lanes[place.lane].positions;
  word = (word & ~(15U << place.shift)) | weight.code << place.shift;
  return lanes;
}

void multiply(bool f16, unsigned selector) {
  const std::vector<OneHot> cases = every_one();
  std::vector<FragmentOperands> all;
  for (const OneHot& weight : cases) {
    const auto lanes = operands(weight, f16, selector);
    all.insert(all.end(), lanes.begin(), lanes.end());
  }
  const DeviceArray<FragmentOperands> in(all);
  const DeviceArray<float> sums(std::vector<float>(all.size() * 4, -1));
  launch("coppice_fragments_multiply", static_cast<unsigned>(cases.size()), WARP, SHARED,
         FragmentsParameters{in.data(), sums.data(), nullptr, f16 ? 1U : 0U, selector});
  const std::vector<float> found = sums.read();
  for (std::size_t c = 0; c < cases.size(); c++) {
    for (unsigned lane = 0; lane < WARP; lane++) {
      for (unsigned i = 0; i < 4; i++) {
        const auto d = fragments::of_d(lane, i);
        const unsigned expected = d.row == cases[c].row ? 1 + cases[c].column() + 32 * d.column : 0;
        ASSERT_EQ(found[(c * WARP + lane) * 4 + i], static_cast<float>(expected))
            << (f16 ? "F16" : "BF16") << ", selector " << selector << ", row " << cases[c].row << ", value "
            << cases[c].stored << ", code " << cases[c].code << ", lane " << lane << ", sum " << i;
      }
    }
  }
}

TEST(Fragments, sparseOperandsLieAsTheTablesSay) {
  for (const unsigned selector : {0U, 1U}) {
    multiply(false, selector);
    multiply(true, selector);
  }
}

TEST(Fragments, matricesAreLoadedAsTheTablesSay) {
  const DeviceArray<unsigned> words(WARP * 4);
  launch("coppice_fragments_load", 1, WARP, SHARED, FragmentsParameters{nullptr, nullptr, words.data(), 0, 0});
  const std::vector<unsigned> found = words.read();
  for (unsigned lane = 0; lane < WARP; lane++) {
    for (unsigned m = 0; m < 4; m++) {
      for (unsigned half = 0; half < 2; half++) {
        const auto [row, column] = fragments::of_matrix(lane, half);
        EXPECT_EQ(found[lane * 4 + m] >> 16 * half & 0xFFFFU, 64 * m + 8 * row + column) << lane << ", " << m;
      }
    }
  }
}

}  // namespace
}  // namespace coppice::test
