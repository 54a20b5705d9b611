// Arithmetic on the keys in a word: one 32-bit key, or two 16-bit keys side by side (15 bits each, not moved up
// as own_key() has them). No key needs the uppermost bit of its lane: it takes what is found out about the lane,
// and keeps additions and subtractions within it.
#pragma once
#include "slices.cuh"

namespace lanes {

template <typename Bits>
constexpr unsigned TOP = sizeof(Bits) == 2 ? 0x80008000U : 0x80000000U;

// All of a lane but TOP, in the lowest.
template <typename Bits>
constexpr unsigned KEY = sizeof(Bits) == 2 ? 0x7FFFU : 0x7FFFFFFFU;

// A key in every lane.
template <typename Bits>
__device__ inline unsigned everywhere(unsigned key) {
  return sizeof(Bits) == 2 ? key * 0x00010001U : key;
}

// key + above has TOP where the key is a NaN's.
template <typename Bits>
__device__ inline unsigned above(const Slice& slice) {
  return ~TOP<Bits> - (sizeof(Bits) == 2 ? slice.largest >> 16 | slice.largest : slice.largest);
}

// Has TOP where x >= y; other bits mean nothing.
template <typename Bits>
__device__ inline unsigned at_least(unsigned x, unsigned y) {
  return (x | TOP<Bits>) - y;
}

// TOP where the key is not zero.
template <typename Bits>
__device__ inline unsigned nonzero(unsigned key) {
  return (key + ~TOP<Bits>) & TOP<Bits>;
}

// All ones in those lanes whose bit is set, the first lane's lowest.
template <typename Bits>
__device__ inline unsigned spread(unsigned bits) {
  return sizeof(Bits) == 2 ? ((bits & 1U) | (bits & 2U) << 15) * 0xFFFFU : 0U - (bits & 1U);
}

// A bit for each lane that has TOP, the first lane's lowest.
template <typename Bits>
__device__ inline unsigned gather(unsigned word) {
  return sizeof(Bits) == 2 ? (word >> 15 & 1U) | (word >> 30 & 2U) : word >> 31;
}

// All ones in those lanes that have TOP.
template <typename Bits>
__device__ inline unsigned fill(unsigned word) {
  return sizeof(Bits) == 2 ? (word >> 15 & 0x00010001U) * 0xFFFFU
                           : static_cast<unsigned>(static_cast<int>(word) >> 31);
}

}  // namespace lanes
