// How kernels reach the elements of slices: whole 16-byte vectors, and the elements before the first and
// after the last of them one by one. No byte outside the slice is touched.
#pragma once
#include <type_traits>

#include "keys.cuh"

namespace slices {

constexpr unsigned WARP = 32;
constexpr unsigned ALL = 0xFFFFFFFFU;  // the lanes of a warp
constexpr unsigned TILE_VECTORS = TILE_BYTES / 16;

// The bits of an element of that form.
template <Form F>
using Bits = std::conditional_t<F == Form::F32, uint32_t, uint16_t>;

template <typename B>
constexpr unsigned LANES = 16 / sizeof(B);
template <typename B>
constexpr unsigned ALL_LANES = (1U << LANES<B>) - 1;
template <typename B>
constexpr unsigned TILE_ELEMENTS = TILE_BYTES / sizeof(B);

// Whether a launch has anything to do.
__device__ inline bool needed(const State& state, When when) {
  return state.refused == 0 && (when == When::ALWAYS || (when == When::SWEPT) == (state.swept != 0));
}

// Adds up over a warp, in every lane.
template <typename T>
__device__ inline T warp_sum(T value) {
  for (int distance = WARP / 2; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(ALL, value, distance);
  }
  return value;
}

// Adds up over the lanes to this one, itself included.
template <typename T>
__device__ inline T warp_scan(T value) {
  for (unsigned distance = 1; distance < WARP; distance *= 2) {
    const T before = __shfl_up_sync(ALL, value, distance);
    value += threadIdx.x % WARP >= distance ? before : T{0};
  }
  return value;
}

// A pointer that came out of a table, which the compiler would take for one into any memory.
template <typename T>
__device__ inline T* global(T* pointer) {
  __builtin_assume(__isGlobal(pointer));
  return pointer;
}

// Lane 0 of vector 0 of a slice, which may lie before its first element.
template <typename B>
__device__ inline const B* origin(const Slice& slice) {
  return static_cast<const B*>(global(slice.weights)) - slice.lead;
}

// The slice that a tile of the launch lies in, none before `from`; asked by whole warps.
__device__ inline unsigned find(const Slice* slices, unsigned count, unsigned from,
                                unsigned long long tile) {
  if (from + 1 == count || slices[from + 1].first_tile > tile) {
    return from;
  }
  for (unsigned left = count - from; left > 1;) {
    const unsigned step = (left + WARP - 1) / WARP;
    const unsigned at = threadIdx.x % WARP * step;
    const bool begun = at < left && slices[from + at].first_tile <= tile;
    const unsigned skipped = (__popc(__ballot_sync(ALL, begun)) - 1) * step;
    from += skipped;
    left = min(step, left - skipped);
  }
  return from;
}

// Lane j of a vector, j known to the compiler.
template <typename B>
__device__ inline B lane(const uint4& vector, unsigned j) {
  const unsigned words[4] = {vector.x, vector.y, vector.z, vector.w};
  return static_cast<B>(words[j * sizeof(B) / 4] >> j * sizeof(B) % 4 * 8);
}

// The vector with zero in the lanes of `set`.
template <typename B>
__device__ inline uint4 without(const uint4& vector, unsigned set) {
  unsigned words[4] = {vector.x, vector.y, vector.z, vector.w};
#pragma unroll
  for (unsigned j = 0; j < LANES<B>; j++) {
    constexpr unsigned ones = ALL >> (32 - 8 * sizeof(B));
    words[j * sizeof(B) / 4] &= ~((set >> j & 1U) == 0 ? 0U : ones << j * sizeof(B) % 4 * 8);
  }
  return {words[0], words[1], words[2], words[3]};
}

// Of the vector at `first`, the lanes of `set`; zero in the others.
template <typename B>
__device__ inline uint4 load(const B* first, unsigned set) {
  if (set == ALL_LANES<B>) {
    return *reinterpret_cast<const uint4*>(first);
  }
  unsigned words[4] = {};
#pragma unroll
  for (unsigned j = 0; j < LANES<B>; j++) {
    if ((set >> j & 1U) != 0) {
      words[j * sizeof(B) / 4] |= static_cast<unsigned>(first[j]) << j * sizeof(B) % 4 * 8;
    }
  }
  return {words[0], words[1], words[2], words[3]};
}

// Writes the lanes of `set`; a whole vector at once only where `aligned`. By an intrinsic: from an assignment
// nvcc 13.0 makes stores of words, which it shares with the branch below.
template <typename B>
__device__ inline void store(B* first, const uint4& vector, unsigned set, bool aligned) {
  if (aligned && set == ALL_LANES<B>) {
    __stwb(reinterpret_cast<uint4*>(first), vector);
    return;
  }
#pragma unroll
  for (unsigned j = 0; j < LANES<B>; j++) {
    if ((set >> j & 1U) != 0) {
      first[j] = lane<B>(vector, j);
    }
  }
}

// Which lanes of a vector whose lane 0 is element `first` lie in [begin, end).
template <typename B, typename T>
__device__ inline unsigned lanes_within(T first, T begin, T end) {
  const T last = first + LANES<B>;
  if (begin >= last || end <= first) {
    return 0;
  }
  const unsigned skipped = begin <= first ? 0 : static_cast<unsigned>(begin - first);
  const unsigned missing = end >= last ? 0 : static_cast<unsigned>(last - end);
  return ALL_LANES<B> << skipped & ALL_LANES<B> >> missing;
}

}  // namespace slices
