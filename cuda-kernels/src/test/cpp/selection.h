// Slices on the device for tests of selection, and what the scalar oracle says they become.
#pragma once
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernel_test.h"
#include "tables.cuh"

namespace coppice::test {

// A slice as a test describes it. Bits are those of the type, in the low half for 16-bit types.
struct Weights {
  unsigned bytes = 4;
  unsigned infinity16 = 0x7F80;  // of BF16; 0x7C00: of F16
  std::vector<unsigned> bits;
  unsigned long long inner = 1;
  unsigned long long rows = 1;
  unsigned tile_rows = 1;
  unsigned lead = 0;            // elements between a 16-byte boundary and the first
  unsigned tensor = 0;
  unsigned long long tensor_id = 7;
  unsigned long long first = 0;
  unsigned long long run = 0;   // 0: one run
  unsigned long long stride = 0;
  std::vector<float> scores;
  bool apart = false;           // the result goes elsewhere, to `lead` + 1 if shifted
  bool shifted = false;
  bool masked = false;
  bool mask_only = false;

  unsigned long long size() const { return bits.size(); }
  unsigned infinity() const { return bytes == 2 ? infinity16 : 0x7F800000U; }
  unsigned magnitude(unsigned long long i) const;
  bool is_nan(unsigned long long i) const;
  unsigned long long index(unsigned long long i) const;
};

struct Ranked {
  Ranking ranking = Ranking::MAGNITUDE;
  unsigned long long seed = 0;
};

// What a test wants pruned of a slice.
using Gone = std::vector<bool>;

// The key that element i is ordered by.
unsigned rank_key(const Weights& weights, const Ranked& ranked, unsigned long long i);

// Marks the first k of `members` in SPEC.md's order.
void prune_first(const Weights& weights, const Ranked& ranked,
                 std::vector<unsigned long long> members, unsigned long long k, Gone& gone);

// Weights with many ties, zeros of both signs, infinities and denormals; a NaN in `nan_in`, 0: none.
std::vector<unsigned> hard_bits(std::mt19937& random, unsigned bytes, unsigned long long count,
                                unsigned nan_in = 0);

// Slices in device memory with bytes around them that must stay as they are.
class SliceTable {
 public:
  // `tiles(slice)` says how many tiles a launch has for it.
  template <typename Tiles>
  SliceTable(const std::vector<Weights>& all, Tiles tiles) : all_(all) {
    for (const Weights& weights : all) {
      add(weights);
      slices_.back().first_tile = tiles_;
      tiles_ += tiles(slices_.back());
    }
    finish();
  }

  const Slice* slices() const { return table_->data(); }
  unsigned count() const { return static_cast<unsigned>(slices_.size()); }
  unsigned long long tiles() const { return tiles_; }
  Tally* tallies() const { return tallies_->data(); }

  // Lets the kernels read masks, one a slice.
  void give_masks(const std::vector<std::unique_ptr<DeviceArray<unsigned>>>& masks);

  // Compares all that a launch may have written.
  void expect(const std::vector<Gone>& gone, const std::string& where) const;

 private:
  void add(const Weights& weights);
  void finish();
  void expect_slice(std::size_t s, const Gone& gone, Tally& tally, const std::string& where) const;

  std::vector<Weights> all_;
  std::vector<Slice> slices_;
  unsigned long long tiles_ = 0;
  std::vector<std::vector<std::uint8_t>> contents_;
  std::vector<std::unique_ptr<DeviceArray<std::uint8_t>>> weights_;
  std::vector<std::unique_ptr<DeviceArray<std::uint8_t>>> results_;
  std::vector<std::unique_ptr<DeviceArray<float>>> scores_;
  std::vector<std::unique_ptr<DeviceArray<unsigned>>> masks_;
  std::unique_ptr<DeviceArray<Slice>> table_;
  std::unique_ptr<DeviceArray<Tally>> tallies_;
};

// Tiles of 16 KiB from the 16-byte boundary at or before the slice on.
unsigned long long streamed_tiles(const Slice& slice);

}  // namespace coppice::test
