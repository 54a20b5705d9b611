// CUDA's warp functions, by exchange of a word a lane (grid.h).
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "block.h"

namespace coppice::emulator {

template <typename T>
std::uint64_t to_word(T value) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4);
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof(T));
  return word;
}

template <typename T>
T from_word(std::uint64_t word) {
  T value;
  std::memcpy(&value, &word, sizeof(T));
  return value;
}

// Gives what `lane` deposited, or the caller's own value where there is no such lane in its segment.
template <typename T>
T shuffle(unsigned mask, T value, int lane, int width) {
  const int first = lane_index() / width * width;
  const bool inside = lane >= first && lane < first + width;
  const std::uint64_t* words = exchange(mask, to_word(value));
  return inside ? from_word<T>(words[lane]) : value;
}

// Gives a bit for each lane of the mask whose word passes.
template <typename F>
unsigned lanes_where(unsigned mask, std::uint64_t word, F passes) {
  const std::uint64_t* words = exchange(mask, word);
  unsigned result = 0;
  for (unsigned lane = 0; lane < WARP; lane++) {
    result |= static_cast<unsigned>(passes(words[lane])) << lane;
  }
  return result & mask;
}

inline unsigned vote(unsigned mask, int predicate) {
  return lanes_where(mask, predicate != 0, [](std::uint64_t word) { return word != 0; });
}

template <typename T, typename F>
T reduce(unsigned mask, T value, F combine) {
  static_assert(sizeof(T) == 4, "nvcc reduces 32 bits");
  const std::uint64_t* words = exchange(mask, to_word(value));
  bool first = true;
  T result{};
  for (unsigned lane = 0; lane < WARP; lane++) {
    if ((mask >> lane & 1U) != 0) {
      const T other = from_word<T>(words[lane]);
      result = first ? other : combine(result, other);
      first = false;
    }
  }
  return result;
}

}  // namespace coppice::emulator

inline void __syncwarp(unsigned mask = 0xFFFFFFFFU) { coppice::emulator::exchange(mask, 0); }

template <typename T>
T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
  const int segment = coppice::emulator::lane_index() / width * width;
  return coppice::emulator::shuffle(mask, value, segment + (lane & (width - 1)), width);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = coppice::emulator::lane_index() + static_cast<int>(delta);
  return coppice::emulator::shuffle(mask, value, lane, width);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  const int lane = coppice::emulator::lane_index() - static_cast<int>(delta);
  return coppice::emulator::shuffle(mask, value, lane, width);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32) {
  return coppice::emulator::shuffle(mask, value, coppice::emulator::lane_index() ^ lanes, width);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return coppice::emulator::vote(mask, predicate);
}
inline int __any_sync(unsigned mask, int predicate) {
  return coppice::emulator::vote(mask, predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return coppice::emulator::vote(mask, predicate) == mask;
}
template <typename T>
unsigned __match_any_sync(unsigned mask, T value) {
  const std::uint64_t own = coppice::emulator::to_word(value);
  return coppice::emulator::lanes_where(mask, own, [=](std::uint64_t word) { return word == own; });
}

template <typename T>
T __reduce_add_sync(unsigned mask, T value) {
  return coppice::emulator::reduce(mask, value, [](T a, T b) { return static_cast<T>(a + b); });
}
template <typename T>
T __reduce_min_sync(unsigned mask, T value) {
  return coppice::emulator::reduce(mask, value, [](T a, T b) { return std::min(a, b); });
}
template <typename T>
T __reduce_max_sync(unsigned mask, T value) {
  return coppice::emulator::reduce(mask, value, [](T a, T b) { return std::max(a, b); });
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value) {
  return coppice::emulator::reduce(mask, value, [](unsigned a, unsigned b) { return a & b; });
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value) {
  return coppice::emulator::reduce(mask, value, [](unsigned a, unsigned b) { return a | b; });
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value) {
  return coppice::emulator::reduce(mask, value, [](unsigned a, unsigned b) { return a ^ b; });
}
