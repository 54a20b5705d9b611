// Finds the k-th smallest of a list of keys: quickselect with vectors that split the list in one
// pass. Takes about 1.6 passes when the keys are in no special order.
#pragma once

#include "pack.h"

namespace coppice::COPPICE_ISA {

template <typename T>
COPPICE_INLINE T* append_keys(T* out, Vector<T> keys, Vector<T> mask) {
  using Packed = typename Lanes<T>::UnsignedLane;
  return reinterpret_cast<T*>(append(reinterpret_cast<Packed*>(out), keys, mask));
}

template <typename T>
struct Kth {
  T key;
  // How many of the keys that equal it do not belong to the k smallest.
  int64_t ties;
};

inline constexpr int64_t sample_size = 15;

// Finds the k-th smallest of a few keys: the one that fewer than k are below.
template <typename T>
inline Kth<T> kth_of_few(const T* list, int64_t n, int64_t k) {
  for (int64_t i = 0;; i++) {
    int64_t below = 0;
    int64_t equal = 0;
    for_lanes<T>(n, [&](int64_t j, auto extent) {
      Vector<T> keys = load<T, T>(reinterpret_cast<const char*>(list + j), extent);
      below += lane_count<T>((keys < all<T>(list[i])) & present<T>(extent));
      equal += lane_count<T>((keys == all<T>(list[i])) & present<T>(extent));
    });
    if (below < k && k <= below + equal) {
      return {list[i], below + equal - k};
    }
  }
}

// Chooses a key of the list that has about k keys before it.
template <typename T>
inline T pivot_of(const T* list, int64_t n, int64_t k) {
  T sample[sample_size];
  for (int64_t i = 0; i < sample_size; i++) {
    sample[i] = list[i * n / sample_size];
  }
  return kth_of_few(sample, sample_size, (k - 1) * sample_size / n + 1).key;
}

// Finds the k-th smallest of n keys, 1 <= k <= n. Overwrites the list and other, which both have
// room for a vector behind n keys.
template <typename T>
Kth<T> kth_smallest(T* list, T* other, int64_t n, int64_t k) {
  int64_t smallest = -(int64_t{1} << (8 * sizeof(T) - 1));
  int64_t largest = -smallest - 1;
  for (int round = 0; n > sample_size; round++) {
    // Halving the range instead, from some round on, bounds the work whatever the keys are.
    T pivot = round < 24 ? pivot_of(list, n, k)
                         : static_cast<T>(smallest + ((largest - smallest) >> 1));
    T* lower = list;
    T* upper = other;
    for_lanes<T>(n, [&](int64_t i, auto extent) {
      Vector<T> keys = load<T, T>(reinterpret_cast<const char*>(list + i), extent);
      lower = append_keys<T>(lower, keys, (keys < all<T>(pivot)) & present<T>(extent));
      upper = append_keys<T>(upper, keys, (keys > all<T>(pivot)) & present<T>(extent));
    });
    int64_t below = lower - list;
    int64_t above = upper - other;
    if (k <= below) {
      n = below;
      largest = pivot - int64_t{1};
    } else if (k <= n - above) {
      return {pivot, n - above - k};
    } else {
      k -= n - above;
      n = above;
      smallest = pivot + int64_t{1};
      T* swapped = list;
      list = other;
      other = swapped;
    }
  }
  return kth_of_few(list, n, k);
}

}  // namespace coppice::COPPICE_ISA
