// Counts keys: those below the window, those in each bin, NaN.
//
// A vector of keys is compared with the window's two ends; the few bins that lie between them are
// packed into a list that a scalar loop counts. One bin that is frequent in a block (zeros of a
// pruned tensor, a constant tensor) is counted by comparison instead: counting it in memory would
// wait for the same counter each time.
#include <type_traits>

#include "keys.h"
#include "kernels.h"
#include "pack.h"

namespace coppice::COPPICE_ISA {
namespace {

template <typename Keys>
struct Bounds {
  using Lane = typename Keys::Lane;
  using Bin = typename Lanes<Lane>::UnsignedLane;

  Lane base;
  Lane last;
  int shift;

  // Keys above base - 1 and up to last are in the window; NaN magnitudes are above last.
  Bounds(const Keys& keys, const coppice_window& window) {
    int64_t largest = keys.largest_lane_key();
    int64_t first = keys.lane_key(window.base);
    int64_t end = keys.lane_key(window.base + (window.bins << window.shift)) - 1;
    constexpr int widest = static_cast<int>(sizeof(Lane)) * 8 - 1;
    base = static_cast<Lane>(Keys::random || first <= largest ? first : largest + 1);
    last = static_cast<Lane>(end < largest ? end : largest);
    shift = window.shift < widest ? static_cast<int>(window.shift) : widest;
  }

  COPPICE_INLINE UnsignedVector<Lane> bin(Vector<Lane> key) const {
    return ((UnsignedVector<Lane>)key - (UnsignedVector<Lane>)all<Lane>(base)) >> shift;
  }

  Bin bin_at(Lane key) const {
    return static_cast<Bin>(static_cast<Bin>(static_cast<Bin>(key) - static_cast<Bin>(base)) >>
                            shift);
  }
};

// Guesses the most frequent bin of a block.
template <typename Keys>
auto guess(const Keys& keys, const Bounds<Keys>& bounds, const char* data, int64_t n) {
  using E = typename Keys::Element;
  for (int64_t i = 0; i < 4 && i < n; i++) {
    if (!Keys::random && magnitude_at<E>(data, i) == 0) {
      return bounds.bin_at(0);
    }
  }
  return bounds.bin_at(keys.key_at(magnitude_at<E>(data, 0), 0));
}

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

template <typename Keys>
void histogram_block(const Keys& keys, const Bounds<Keys>& bounds, const char* data, int64_t n,
                     uint32_t* counts, coppice_census* census) {
  using E = typename Keys::Element;
  using T = typename Keys::Lane;
  using Bin = typename Bounds<Keys>::Bin;
  Bin bins[block_elements + lanes<T>];
  Bin* end = bins;
  Bin frequent = guess(keys, bounds, data, n);
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
    Vector<T> low = key < all<T>(bounds.base);
    Vector<T> within = ~low & (key <= all<T>(bounds.last)) & counted;
    UnsignedVector<T> bin = bounds.bin(key);
    Vector<T> same = (Vector<T>)bin == all<T>(static_cast<T>(frequent));
    below.add(low & counted);
    nans.add(nan);
    usual.add(within & same);
    end = append(end, (Vector<T>)bin, within & ~same);
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
    histogram_block(keys, bounds, block, n, counts, census);
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
