// The keys that rank a vector's elements, and which of them are NaN.
#pragma once
#include "philox.cuh"
#include "slices.cuh"

namespace ranking {

using slices::Bits;
using slices::LANES;

constexpr unsigned F32_INFINITY = 0x7F800000U;

// Random keys of the elements from `first` on. Where the slice is one run and its vectors begin with a
// Philox block's first word, as they mostly do, a block serves four elements without a choice.
template <unsigned N>
__device__ inline void random_keys(const Slice& slice, unsigned long long seed, unsigned long long first,
                                   unsigned (&keys)[N]) {
  const bool one_run = slice.run >= slice.elements;
  const unsigned long long index = slice.first + first;
  if (one_run && index % 4 == 0) {
#pragma unroll
    for (unsigned j = 0; j < N; j += 4) {
      const uint4 words = philox(seed, slice.tensor_id, (index + j) / 4);
      keys[j] = words.x;
      keys[j + 1] = words.y;
      keys[j + 2] = words.z;
      keys[j + 3] = words.w;
    }
    return;
  }
#pragma unroll 1
  for (unsigned i = 0; i < N; i++) {
    const unsigned word =
        philox_word(seed, slice.tensor_id, one_run ? index + i : tensor_index(slice, first + i));
#pragma unroll
    for (unsigned j = 0; j < N; j++) {
      keys[j] = i == j ? word : keys[j];
    }
  }
}

// Keys of the scores of the elements of `set` from `first` on; gives those that are NaN.
template <unsigned N>
__device__ inline unsigned score_keys(const Slice& slice, unsigned long long first, unsigned set,
                                      unsigned (&keys)[N]) {
  const float* scores = slices::global(slice.scores) + static_cast<long long>(first);
  if (set == (1U << N) - 1 && reinterpret_cast<uintptr_t>(scores) % 16 == 0) {
#pragma unroll
    for (unsigned j = 0; j < N; j += 4) {
      const uint4 words = *reinterpret_cast<const uint4*>(scores + j);
      keys[j] = own_key(words.x);
      keys[j + 1] = own_key(words.y);
      keys[j + 2] = own_key(words.z);
      keys[j + 3] = own_key(words.w);
    }
  } else {
#pragma unroll
    for (unsigned j = 0; j < N; j++) {
      keys[j] = (set >> j & 1U) != 0 ? own_key(__float_as_uint(scores[j])) : 0;
    }
  }
  unsigned nans = 0;
#pragma unroll
  for (unsigned j = 0; j < N; j++) {
    nans |= keys[j] > F32_INFINITY ? 1U << j : 0;
  }
  return nans;
}

// Keys of a vector whose lane 0 is the slice's element `first`; `set` are the lanes that exist (keys of the
// others mean nothing). Gives the lanes that are NaN.
template <Ranking R, Form F, unsigned N = LANES<Bits<F>>>
__device__ inline unsigned keys(const Slice& slice, unsigned long long seed, const uint4& vector,
                                unsigned long long first, unsigned set, unsigned (&keys)[N]) {
  unsigned most = 0;
#pragma unroll
  for (unsigned j = 0; j < N; j++) {
    keys[j] = magnitude_key(slices::lane<Bits<F>>(vector, j), F);
    most = max(most, keys[j]);
  }
  unsigned nans = 0;
  if (most > slice.largest) {
#pragma unroll
    for (unsigned j = 0; j < N; j++) {
      nans |= keys[j] > slice.largest ? 1U << j : 0;
    }
  }
  if constexpr (R == Ranking::PHILOX) {
    random_keys(slice, seed, first, keys);
  } else if constexpr (R == Ranking::SCORES) {
    nans |= score_keys(slice, first, set, keys);
  }
  return nans;
}

// The key of one element of a slice.
template <Ranking R, Form F>
__device__ inline unsigned key(const Slice& slice, unsigned long long seed, unsigned long long element) {
  if constexpr (R == Ranking::PHILOX) {
    return philox_word(seed, slice.tensor_id, tensor_index(slice, element));
  } else if constexpr (R == Ranking::SCORES) {
    return own_key(__float_as_uint(slices::global(slice.scores)[element]));
  } else {
    return magnitude_key(static_cast<const Bits<F>*>(slices::global(slice.weights))[element], F);
  }
}

}  // namespace ranking
