#include "mask.cuh"

#include "selection.h"

namespace coppice::test {
namespace {

constexpr unsigned THREADS = 256;
constexpr unsigned SHARED = 64;

std::vector<Weights> of_every_size(std::mt19937& random) {
  std::vector<Weights> all;
  for (const unsigned bytes : {2U, 4U}) {
    for (unsigned lead = 0; lead < 16 / bytes; lead++) {
      for (const unsigned count : {1U, 3U, 8U, 31U, 32U, 33U, 257U, 4097U, 20'000U}) {
        Weights w;
        w.bytes = bytes;
        w.bits = hard_bits(random, bytes, count, 30);
        w.lead = lead;
        w.tensor = (count + lead) % 4;
        w.first = 1ULL << 40;
        all.push_back(w);
      }
    }
  }
  return all;
}

std::vector<unsigned> random_words(std::mt19937& random, unsigned long long bits) {
  std::vector<unsigned> words((bits + 31) / 32);
  for (unsigned& word : words) {
    word = static_cast<unsigned>(random());
  }
  if (bits % 32 != 0) {
    words.back() &= (1U << bits % 32) - 1;
  }
  return words;
}

TEST(Mask, weightsWhoseBitIsClearAreZeroed) {
  std::mt19937 random(1);
  for (const unsigned blocks : {1U, 3U, 100U}) {
    const std::vector<Weights> all = of_every_size(random);
    std::vector<std::unique_ptr<DeviceArray<unsigned>>> masks;
    std::vector<Gone> gone;
    for (const Weights& w : all) {
      const std::vector<unsigned> words = random_words(random, w.size());
      masks.push_back(std::make_unique<DeviceArray<unsigned>>(words));
      gone.emplace_back(w.size());
      for (unsigned long long i = 0; i < w.size(); i++) {
        gone.back()[i] = (words[i / 32] >> i % 32 & 1U) == 0;
      }
    }
    SliceTable table(all, streamed_tiles);
    table.give_masks(masks);
    launch("coppice_mask_apply", blocks, THREADS, SHARED,
           MaskedParameters{table.slices(), table.tallies(), table.tiles(), table.count(), 0});
    table.expect(gone, "mask, " + std::to_string(blocks) + " blocks");
  }
}

TEST(Mask, zerosAreCountedAndNothingIsWritten) {
  std::mt19937 random(2);
  const std::vector<Weights> all = of_every_size(random);
  std::vector<Gone> gone;
  for (const Weights& w : all) {
    gone.emplace_back(w.size());
  }
  for (const unsigned blocks : {1U, 5U}) {
    const SliceTable table(all, streamed_tiles);
    launch("coppice_zeros", blocks, THREADS, SHARED,
           MaskedParameters{table.slices(), table.tallies(), table.tiles(), table.count(), 0});
    table.expect(gone, "zeros, " + std::to_string(blocks) + " blocks");
  }
}

TEST(Mask, clearBitsAreCounted) {
  std::mt19937 random(3);
  for (const std::size_t offset : {0U, 4U}) {
    for (const unsigned bits : {1U, 31U, 32U, 33U, 127U, 128U, 129U, 50'000U}) {
      const std::vector<unsigned> words = random_words(random, bits);
      unsigned long long zeros = bits + 5ULL;
      for (const unsigned word : words) {
        zeros -= static_cast<unsigned>(__builtin_popcount(word));
      }
      const DeviceArray<unsigned> mask(words, offset);
      const DeviceArray<unsigned long long> count(std::vector<unsigned long long>{5});
      launch("coppice_mask_count", offset == 0 ? 1 : 3, THREADS, SHARED,
             MaskCountParameters{mask.data(), bits, count.data()});
      EXPECT_EQ(count.read()[0], zeros) << bits << " bits";
    }
  }
}

TEST(Mask, masksAreCombinedAndBitsAfterTheLastStayClear) {
  std::mt19937 random(4);
  for (const std::size_t offset : {0U, 4U}) {
    for (const unsigned bits : {1U, 32U, 33U, 128U, 160U, 40'001U}) {
      const std::vector<unsigned> a = random_words(random, bits);
      const std::vector<unsigned> b = random_words(random, bits);
      const unsigned last = bits % 32 == 0 ? ~0U : (1U << bits % 32) - 1;
      for (const MaskOperation operation : {MaskOperation::AND, MaskOperation::OR,
                                            MaskOperation::AND_NOT, MaskOperation::NOT}) {
        std::vector<unsigned> expected;
        for (std::size_t i = 0; i < a.size(); i++) {
          const unsigned each[] = {a[i] & b[i], a[i] | b[i], a[i] & ~b[i], ~a[i]};
          expected.push_back(each[static_cast<unsigned>(operation)] & (i + 1 == a.size() ? last : ~0U));
        }
        const DeviceArray<unsigned> first(a, offset);
        const DeviceArray<unsigned> second(b);
        launch("coppice_mask_combine", 3, THREADS, SHARED,
               MaskCombineParameters{first.data(),
                                     operation == MaskOperation::NOT ? nullptr : second.data(),
                                     first.data(), bits, operation, 0});
        EXPECT_EQ(first.read(), expected) << bits << " bits";
        EXPECT_EQ(second.read(), b);
      }
    }
  }
}

}  // namespace
}  // namespace coppice::test
