// What a .cu file finds in CUDA's own headers, for g++: one fiber a thread (grid.h). Included before
// every .cu file by the build; the .cu files know nothing of it.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "grid.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __launch_bounds__(...)
// thread_local, unlike static, can also be declared extern, as dynamic shared memory is. All fibers of
// a block run on one thread. Only dynamic shared memory is poisoned between blocks: prefer it.
#define __shared__ thread_local

#define threadIdx (coppice::emulator::current_thread())
#define blockIdx (coppice::emulator::current_block())
#define blockDim (coppice::emulator::block_extent())
#define gridDim (coppice::emulator::grid_extent())
#define warpSize 32

struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(16) ulonglong2 {
  unsigned long long x, y;
};

using std::max;
using std::min;

inline void __syncthreads() { coppice::emulator::sync_block(); }
inline void __syncwarp(unsigned mask = 0xFFFFFFFFU) { coppice::emulator::exchange(mask, 0); }

namespace coppice::emulator {

template <typename T>
std::uint64_t to_word(T value) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
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
  const int own = lane_index();
  const bool inside = lane >= own / width * width && lane < own / width * width + width;
  const std::uint64_t* words = exchange(mask, to_word(value));
  return inside ? from_word<T>(words[lane]) : value;
}

inline unsigned vote(unsigned mask, bool predicate) {
  const std::uint64_t* words = exchange(mask, predicate ? 1 : 0);
  unsigned result = 0;
  for (int lane = 0; lane < 32; lane++) {
    if ((mask >> lane & 1U) != 0 && words[lane] != 0) {
      result |= 1U << lane;
    }
  }
  return result;
}

// An atomic never waits for another fiber, so it is atomic as it stands.
template <typename T, typename F>
T update(T* address, F change) {
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace coppice::emulator

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
  return coppice::emulator::vote(mask, predicate != 0);
}
inline int __any_sync(unsigned mask, int predicate) {
  return coppice::emulator::vote(mask, predicate != 0) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return coppice::emulator::vote(mask, predicate != 0) == mask;
}

template <typename T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return static_cast<T>(old + value); });
}
template <typename T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return std::min(old, value); });
}
template <typename T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return std::max(old, value); });
}
template <typename T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return static_cast<T>(old | value); });
}
template <typename T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T) { return value; });
}
template <typename T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return old == expected ? value : old; });
}

inline int __popc(unsigned word) { return std::popcount(word); }
inline int __ffs(unsigned word) { return word == 0 ? 0 : std::countr_zero(word) + 1; }
inline int __clz(unsigned word) { return std::countl_zero(word); }
inline void __threadfence() {}

// Dynamic shared memory, which .cu files declare under this name.
extern thread_local uint4 coppice_shared[];
