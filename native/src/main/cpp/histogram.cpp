// Counts keys: those below the window, those in each bin, NaN.
//
// The bins of the few keys that lie in the window are packed into a list that a scalar loop counts.
// Where many do, one bin that is frequent in a block (zeros of a pruned tensor, a constant tensor)
// is counted by comparison instead: counting it in memory would wait for the same counter each time.
#include <type_traits>

#include "keys.h"
#include "kernels.h"
#include "pack.h"

namespace coppice::COPPICE_ISA {
namespace {

// The window in terms of lanes. NaN magnitudes lie above it.
template <typename Keys>
struct Bounds {
  using Lane = typename Keys::Lane;
  using Bin = typename Lanes<Lane>::UnsignedLane;

  // Keys less than this lie below the window.
  Lane low;
  // Keys whose distance from base is span or less lie in it.
  Lane base;
  Bin span;
  int shift;

  Bounds(const Keys& keys, const coppice_window& window) {
    int64_t largest = keys.largest_lane_key();
    int64_t first = keys.lane_key(window.base);
    int64_t last = keys.lane_key(window.base + (window.bins << window.shift) - 1);
    constexpr int widest = static_cast<int>(sizeof(Lane)) * 8 - 1;
    bool empty = first > largest;
    low = static_cast<Lane>(empty ? largest + 1 : first);
    base = static_cast<Lane>(empty ? -1 : first);
    span = static_cast<Bin>(empty ? 0 : (last < largest ? last : largest) - first);
    shift = window.shift < widest ? static_cast<int>(window.shift) : widest;
  }

  Bin distance_at(Lane key) const {
    return static_cast<Bin>(static_cast<Bin>(key) - static_cast<Bin>(base));
  }

  Bin bin_at(Lane key) const { return static_cast<Bin>(distance_at(key) >> shift); }
};

// What the first few elements of a block tell about it.
template <typename Keys>
struct Guess {
  // Whether many of its keys lie in the window.
  bool dense = false;
  // Then, its most frequent bin.
  typename Bounds<Keys>::Bin frequent = 0;

  Guess(const Keys& keys, const Bounds<Keys>& bounds, const char* data, int64_t n) {
    using E = typename Keys::Element;
    bool zero = false;
    for (int64_t i = 0; i < 4 && i < n && !zero; i++) {
      E magnitude = magnitude_at<E>(data, i);
      auto key = keys.key_at(magnitude, i);
      if (bounds.distance_at(key) <= bounds.span) {
        zero = !Keys::random && magnitude == 0;
        frequent = !dense || zero ? bounds.bin_at(key) : frequent;
        dense = true;
      }
    }
  }
};

template <typename Bin>
inline void count_each(const Bin* bins, const Bin* end, uint32_t* counts) {
  constexpr int at_once = 8 / sizeof(Bin);
  for (; end - bins >= at_once; bins += at_once) {
    uint64_t several;
    std::memcpy(&several, bins, sizeof several);
    for (int i = 0; i < at_once; i++) {
      counts[static_cast<Bin>(several >> (8 * sizeof(Bin) * i))]++;
    }
  }
  for (; bins < end; bins++) {
    counts[*bins]++;
  }
}

template <bool dense, typename Keys>
void histogram_block(const Keys& keys, const Bounds<Keys>& bounds, const char* data, int64_t n,
                     typename Bounds<Keys>::Bin frequent, uint32_t* counts,
                     coppice_census* census) {
  using E = typename Keys::Element;
  using T = typename Keys::Lane;
  using Bin = typename Bounds<Keys>::Bin;
  using Unsigned = UnsignedVector<T>;
  Bin bins[block_elements + lanes<T>];
  Bin* end = bins;
  Count<T> below;
  Count<T> usual;
  Count<T> nans;
  for_lanes<T>(n, [&](int64_t i, auto extent) {
    const char* from = data + i * static_cast<int64_t>(sizeof(E));
    __builtin_prefetch(from + prefetch_bytes);
    Vector<T> magnitude = load<E, T>(from, extent) & all<T>(sign_cleared<E>);
    Vector<T> key = keys.key(magnitude, i, extent);
    Vector<T> nan = magnitude > all<T>(static_cast<T>(keys.largest));
    Vector<T> counted = present<T>(extent);
    if constexpr (Keys::random) {
      counted &= ~nan;
    }
    Unsigned distance = (Unsigned)key - (Unsigned)all<T>(bounds.base);
    Vector<T> within = (Vector<T>)(distance <= Unsigned{} + bounds.span) & counted;
    Unsigned bin = distance >> bounds.shift;
    below.add((key < all<T>(bounds.low)) & counted);
    nans.add(nan);
    if constexpr (dense) {
      Vector<T> same = (Vector<T>)(bin == Unsigned{} + frequent) & within;
      usual.add(same);
      within &= ~same;
    }
    end = append(end, (Vector<T>)bin, within);
  });
  count_each(bins, end, counts);
  if (int64_t more = usual.total(); more > 0) {
    counts[frequent] += static_cast<uint32_t>(more);
  }
  census->below += below.total();
  census->nans += nans.total();
}

template <typename Keys>
void histogram_slice(const char* data, const coppice_slice& slice, const coppice_window& window,
                     uint32_t* counts, coppice_census* census) {
  Bounds<Keys> bounds(Keys(largest_key(slice.dtype), nullptr), window);
  for_blocks<Keys>(data, slice, [&](const Keys& keys, const char* block, int64_t n) {
    Guess<Keys> guess(keys, bounds, block, n);
    if (guess.dense) {
      histogram_block<true>(keys, bounds, block, n, guess.frequent, counts, census);
    } else {
      histogram_block<false>(keys, bounds, block, n, guess.frequent, counts, census);
    }
  });
  if (census->nans > 0) {
    census->first_nan = first_nan<typename Keys::Element>(data, slice);
  }
}

}  // namespace

void histogram(const void* data, const coppice_slice* slice, const coppice_window* window,
               uint32_t* counts, coppice_census* census) {
  *census = {0, 0, -1};
  with_keys(*slice, [&](auto* type) {
    using Keys = std::remove_pointer_t<decltype(type)>;
    histogram_slice<Keys>(static_cast<const char*>(data), *slice, *window, counts, census);
  });
}

}  // namespace coppice::COPPICE_ISA
