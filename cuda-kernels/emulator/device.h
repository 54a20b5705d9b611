// What a .cu file finds in CUDA's own headers, for g++: one fiber a thread (grid.h). Included before
// every .cu file by the build; the .cu files know nothing of it.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "atomics.h"
#include "block.h"
#include "vector_types.h"
#include "warp.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline
#define __grid_constant__
#define __align__(bytes) alignas(bytes)
#define __launch_bounds__(...)
// thread_local, unlike static, can also be declared extern, as dynamic shared memory is. All fibers of
// a block run on one thread. Only dynamic shared memory is poisoned between blocks: prefer it.
#define __shared__ thread_local

#define threadIdx (coppice::emulator::current_thread())
#define blockIdx (coppice::emulator::current_block())
#define blockDim (coppice::emulator::block_extent())
#define gridDim (coppice::emulator::grid_extent())
#define warpSize 32

using std::max;
using std::min;

// Dynamic shared memory, which .cu files declare under this name.
extern thread_local uint4 coppice_shared[];

namespace coppice::emulator {

inline bool is_shared(const void* pointer) {
  const auto offset = reinterpret_cast<std::uintptr_t>(pointer) - reinterpret_cast<std::uintptr_t>(coppice_shared);
  return offset < MOST_SHARED;
}

}  // namespace coppice::emulator

inline void __syncthreads() { coppice::emulator::sync_block(0); }
inline int __syncthreads_count(int predicate) {
  return static_cast<int>(coppice::emulator::sync_block(predicate != 0));
}
inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
inline int __syncthreads_and(int predicate) { return __syncthreads_count(predicate == 0) == 0; }

// To be called in every loop that waits for another thread: nothing else lets that thread run.
inline void __nanosleep(unsigned) { coppice::emulator::sleep_thread(); }

inline void __trap() { coppice::emulator::give_up("a thread called __trap"); }

inline unsigned __isShared(const void* pointer) {
  return coppice::emulator::is_shared(pointer) ? 1U : 0U;
}
inline unsigned __isGlobal(const void* pointer) { return 1U - __isShared(pointer); }

// An assumption that does not hold is an error; on a device it would be anything at all.
#define __builtin_assume(condition) \
  ((condition) ? static_cast<void>(0) : coppice::emulator::give_up("an assumption does not hold: " #condition))

inline int __popc(unsigned word) { return std::popcount(word); }
inline int __popcll(unsigned long long word) { return std::popcount(word); }
inline int __clz(int word) { return std::countl_zero(static_cast<unsigned>(word)); }
inline int __clzll(long long word) {
  return std::countl_zero(static_cast<unsigned long long>(word));
}
inline int __ffs(int word) { return __builtin_ffs(word); }
inline int __ffsll(long long word) { return __builtin_ffsll(word); }

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}
inline unsigned __brev(unsigned word) {
  unsigned reversed = 0;
  for (int bit = 0; bit < 32; bit++) {
    reversed = reversed << 1 | (word >> bit & 1U);
  }
  return reversed;
}
inline unsigned long long __brevll(unsigned long long word) {
  return static_cast<unsigned long long>(__brev(static_cast<unsigned>(word))) << 32 |
         __brev(static_cast<unsigned>(word >> 32));
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned by) {
  return static_cast<unsigned>(
      ((static_cast<unsigned long long>(high) << 32 | low) << (by & 31U)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned by) {
  return static_cast<unsigned>((static_cast<unsigned long long>(high) << 32 | low) >> (by & 31U));
}
// Of unsigned bytes.
inline unsigned __dp4a(unsigned a, unsigned b, unsigned sum) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    sum += (a >> shift & 0xFFU) * (b >> shift & 0xFFU);
  }
  return sum;
}
// Each hex digit of `selector` names a byte of the eight of a and b; its uppermost bit is ignored, as by nvcc,
// whatever the device's instruction does with it.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const unsigned long long bytes = static_cast<unsigned long long>(b) << 32 | a;
  unsigned result = 0;
  for (unsigned i = 0; i < 4; i++) {
    const unsigned which = selector >> (4 * i) & 7U;
    result |= static_cast<unsigned>(bytes >> (8 * which) & 0xFFU) << (8 * i);
  }
  return result;
}

inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
inline long long __double_as_longlong(double value) { return std::bit_cast<long long>(value); }
inline double __longlong_as_double(long long bits) { return std::bit_cast<double>(bits); }

// Loads and stores that say how to use the caches.
#define COPPICE_LOAD(name)      \
  template <typename T>         \
  T name(const T* address) {    \
    return *address;            \
  }
#define COPPICE_STORE(name)                               \
  template <typename T>                                   \
  void name(T* address, std::type_identity_t<T> value) {  \
    *address = value;                                     \
  }
COPPICE_LOAD(__ldg)
COPPICE_LOAD(__ldca)
COPPICE_LOAD(__ldcg)
COPPICE_LOAD(__ldcs)
COPPICE_LOAD(__ldlu)
COPPICE_STORE(__stwb)
COPPICE_STORE(__stcg)
COPPICE_STORE(__stcs)
COPPICE_STORE(__stwt)
#undef COPPICE_LOAD
#undef COPPICE_STORE

// The same, of which the compiler keeps nothing in a register.
template <typename T>
T __ldcv(const T* address) {
  return *static_cast<const volatile T*>(address);
}
