#include "selection.h"

#include <algorithm>
#include <array>

namespace coppice::test {
namespace {

constexpr unsigned GUARD = 3;  // elements after a slice that is not aligned
constexpr unsigned TENSORS = 4;

// Philox4x32-10 as the paper has it.
std::array<unsigned, 4> philox_words(unsigned long long seed, unsigned long long tensor,
                                     unsigned long long block) {
  std::array<unsigned, 2> key = {static_cast<unsigned>(seed), static_cast<unsigned>(seed >> 32)};
  std::array<unsigned, 4> c = {static_cast<unsigned>(block), static_cast<unsigned>(block >> 32),
                               static_cast<unsigned>(tensor), static_cast<unsigned>(tensor >> 32)};
  for (int round = 0; round < 10; round++) {
    const unsigned long long a = 0xD2511F53ULL * c[0];
    const unsigned long long b = 0xCD9E8D57ULL * c[2];
    c = {static_cast<unsigned>(b >> 32) ^ c[1] ^ key[0], static_cast<unsigned>(b),
         static_cast<unsigned>(a >> 32) ^ c[3] ^ key[1], static_cast<unsigned>(a)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return c;
}

void put(std::vector<std::uint8_t>& to, unsigned bytes, unsigned long long i, unsigned bits) {
  std::memcpy(to.data() + i * bytes, &bits, bytes);
}

}  // namespace

unsigned Weights::magnitude(unsigned long long i) const {
  return bits[i] & (bytes == 2 ? 0x7FFFU : 0x7FFFFFFFU);
}

bool Weights::is_nan(unsigned long long i) const { return magnitude(i) > infinity(); }

unsigned long long Weights::index(unsigned long long i) const {
  return run == 0 ? first + i : first + i / run * stride + i % run;
}

unsigned rank_key(const Weights& weights, const Ranked& ranked, unsigned long long i) {
  switch (ranked.ranking) {
    case Ranking::PHILOX: {
      const unsigned long long index = weights.index(i);
      return philox_words(ranked.seed, weights.tensor_id, index / 4)[index % 4];
    }
    case Ranking::SCORES: {
      unsigned bits = 0;
      std::memcpy(&bits, &weights.scores[i], sizeof bits);
      return bits & 0x7FFFFFFFU;
    }
    default:
      return weights.magnitude(i);
  }
}

void prune_first(const Weights& weights, const Ranked& ranked,
                 std::vector<unsigned long long> members, unsigned long long k, Gone& gone) {
  std::vector<std::pair<unsigned, unsigned long long>> order;
  order.reserve(members.size());
  for (const unsigned long long i : members) {
    order.emplace_back(rank_key(weights, ranked, i), ~i);
  }
  std::sort(order.begin(), order.end());
  for (unsigned long long i = 0; i < k; i++) {
    gone[~order[i].second] = true;
  }
}

std::vector<unsigned> hard_bits(std::mt19937& random, unsigned bytes, unsigned long long count,
                                unsigned nan_in) {
  const unsigned shift = bytes == 2 ? 16 : 0;
  std::vector<unsigned> all(count);
  for (unsigned& bits : all) {
    const unsigned word = static_cast<unsigned>(random());
    switch (word % 8) {
      case 0:
        bits = word & 0x80000000U;
        break;
      case 1:
        bits = (word & 0x80000000U) | (word >> 8 & 0x7FFFFFU);  // a denormal
        break;
      case 2:
        bits = (word & 0x80000000U) | 0x7F800000U;
        break;
      case 3:
      case 4:
        bits = (word & 0x80000000U) | (0x3F800000U + ((word >> 8) % 3 << 16));  // a tie
        break;
      default:
        bits = word / 8 % 0x7F800000U | (word & 0x80000000U);
    }
    if (nan_in != 0 && random() % nan_in == 0) {
      bits = 0x7FC00000U | (word & 0x803F0000U);
    }
    bits >>= shift;
  }
  return all;
}

void SliceTable::add(const Weights& w) {
  std::vector<std::uint8_t> content((w.lead + w.size() + (w.lead == 0 ? 0 : GUARD)) * w.bytes, 0xCD);
  for (unsigned long long i = 0; i < w.size(); i++) {
    put(content, w.bytes, w.lead + i, w.bits[i]);
  }
  contents_.push_back(content);
  weights_.push_back(std::make_unique<DeviceArray<std::uint8_t>>(content));
  scores_.push_back(w.scores.empty() ? nullptr : std::make_unique<DeviceArray<float>>(w.scores));
  masks_.push_back(w.masked ? std::make_unique<DeviceArray<unsigned>>((w.size() + 31) / 32) : nullptr);
  results_.push_back(
      w.apart ? std::make_unique<DeviceArray<std::uint8_t>>(
                    std::vector<std::uint8_t>(content.size(), 0xEE), w.shifted ? w.bytes : 0)
              : nullptr);
  const std::size_t lead = w.lead * w.bytes;
  std::uint8_t* own = weights_.back()->data() + lead;
  Slice slice{};
  slice.weights = own;
  slice.pruned = w.mask_only ? nullptr : w.apart ? results_.back()->data() + lead : own;
  slice.scores = w.scores.empty() ? nullptr : scores_.back()->data();
  slice.mask = w.masked ? masks_.back()->data() : nullptr;
  slice.elements = w.size();
  slice.first = w.first;
  slice.run = w.run == 0 ? w.size() : w.run;
  slice.stride = w.run == 0 ? w.size() : w.stride;
  slice.tensor_id = w.tensor_id;
  slice.inner = w.inner;
  slice.rows = w.rows;
  slice.lead = w.lead;
  slice.form = w.bytes == 2 ? Form::HALF : Form::F32;
  slice.largest = w.infinity() << (w.bytes == 2 ? 16 : 0);
  slice.tensor = w.tensor;
  slice.bytes = w.bytes;
  slice.tile_rows = w.tile_rows;
  slices_.push_back(slice);
}

void SliceTable::finish() {
  table_ = std::make_unique<DeviceArray<Slice>>(slices_);
  tallies_ = std::make_unique<DeviceArray<Tally>>(
      std::vector<Tally>(TENSORS, Tally{0, 0, 0, 0, ~0ULL}));
}

void SliceTable::give_masks(const std::vector<std::unique_ptr<DeviceArray<unsigned>>>& masks) {
  for (std::size_t s = 0; s < slices_.size(); s++) {
    slices_[s].mask = masks[s]->data();
  }
  table_ = std::make_unique<DeviceArray<Slice>>(slices_);
}

void SliceTable::expect_slice(std::size_t s, const Gone& gone, Tally& tally,
                              const std::string& where) const {
  const Weights& w = all_[s];
  std::vector<std::uint8_t> pruned = contents_[s];
  std::vector<unsigned> mask((w.size() + 31) / 32);
  for (unsigned long long i = 0; i < w.size(); i++) {
    if (gone[i]) {
      put(pruned, w.bytes, w.lead + i, 0);
    } else {
      mask[i / 32] |= 1U << i % 32;
    }
    if (w.is_nan(i) && !gone[i]) {
      tally.nans++;
      tally.first_nan = std::min(tally.first_nan, w.index(i));
    } else {
      tally.pruned += gone[i];
      tally.newly_zero += gone[i] && w.magnitude(i) != 0;
      tally.zeros += gone[i] || w.magnitude(i) == 0;
    }
  }
  if (w.masked) {
    ASSERT_EQ(masks_[s]->read(), mask) << where << ", mask of slice " << s;
  }
  if (w.apart && !w.mask_only) {
    std::fill_n(pruned.begin(), w.lead * w.bytes, 0xEE);
    std::fill(pruned.begin() + static_cast<std::ptrdiff_t>((w.lead + w.size()) * w.bytes), pruned.end(),
              0xEE);
    ASSERT_EQ(results_[s]->read(), pruned) << where << ", result of slice " << s;
  }
  const bool in_place = !w.apart && !w.mask_only;
  ASSERT_EQ(weights_[s]->read(), in_place ? pruned : contents_[s]) << where << ", slice " << s;
}

void SliceTable::expect(const std::vector<Gone>& gone, const std::string& where) const {
  std::vector<Tally> tallies(TENSORS, Tally{0, 0, 0, 0, ~0ULL});
  for (std::size_t s = 0; s < all_.size(); s++) {
    ASSERT_NO_FATAL_FAILURE(expect_slice(s, gone[s], tallies[all_[s].tensor], where));
  }
  const std::vector<Tally> found = tallies_->read();
  for (unsigned t = 0; t < TENSORS; t++) {
    ASSERT_EQ(found[t].pruned, tallies[t].pruned) << where << ", tensor " << t;
    ASSERT_EQ(found[t].newly_zero, tallies[t].newly_zero) << where << ", tensor " << t;
    ASSERT_EQ(found[t].zeros, tallies[t].zeros) << where << ", tensor " << t;
    ASSERT_EQ(found[t].nans, tallies[t].nans) << where << ", tensor " << t;
    ASSERT_EQ(found[t].first_nan, tallies[t].first_nan) << where << ", tensor " << t;
  }
}

unsigned long long streamed_tiles(const Slice& slice) {
  return ((slice.lead + slice.elements) * slice.bytes + TILE_BYTES - 1) / TILE_BYTES;
}

}  // namespace coppice::test
