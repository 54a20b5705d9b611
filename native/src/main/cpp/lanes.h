// Vectors of 16-bit and 32-bit lanes, as wide as the instruction set that this file is compiled
// for. A mask is a vector of lanes that are 0 or -1. The compiler's vector types do the work, so
// the same code serves SSE2, AVX2, AVX-512 and NEON.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

// One copy of everything below an instruction set: nothing compiled for one may be linked into
// another.
#ifndef COPPICE_ISA
#error "COPPICE_ISA names the namespace of the instruction set"
#endif

#if defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512VBMI2__)
#define COPPICE_LANES_AVX512 1
#elif defined(__AVX2__)
#define COPPICE_LANES_AVX2 1
#endif

#define COPPICE_INLINE [[gnu::always_inline]] inline

namespace coppice::COPPICE_ISA {

#if defined(COPPICE_LANES_AVX512)
inline constexpr int vector_bytes = 64;
#elif defined(COPPICE_LANES_AVX2)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

template <typename T>
struct Lanes;

template <>
struct Lanes<int16_t> {
  typedef int16_t Vector __attribute__((vector_size(vector_bytes)));
  typedef uint16_t Unsigned __attribute__((vector_size(vector_bytes)));
  typedef int16_t Half __attribute__((vector_size(vector_bytes / 2)));
  using UnsignedLane = uint16_t;
};

template <>
struct Lanes<int32_t> {
  typedef int32_t Vector __attribute__((vector_size(vector_bytes)));
  typedef uint32_t Unsigned __attribute__((vector_size(vector_bytes)));
  using UnsignedLane = uint32_t;
};

template <typename T>
using Vector = typename Lanes<T>::Vector;

template <typename T>
using UnsignedVector = typename Lanes<T>::Unsigned;

template <typename T>
inline constexpr int lanes = vector_bytes / static_cast<int>(sizeof(T));

// How many lanes of a vector are there: all, or the first few at the end of the data.
struct Full {};
struct Part {
  int count;
};

template <typename T>
COPPICE_INLINE Vector<T> all(T value) {
  return Vector<T>{} + value;
}

template <typename T>
COPPICE_INLINE Vector<T> iota() {
  Vector<T> v{};
  for (int i = 0; i < lanes<T>; i++) {
    v[i] = static_cast<T>(i);
  }
  return v;
}

template <typename T>
COPPICE_INLINE Vector<T> present(Full) {
  return all<T>(-1);
}

template <typename T>
COPPICE_INLINE Vector<T> present(Part part) {
  return iota<T>() < all<T>(static_cast<T>(part.count));
}

// Runs body(i, Full or Part) over n elements, a vector of T at a time.
template <typename T, typename Body>
COPPICE_INLINE void for_lanes(int64_t n, Body body) {
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) {
    body(i, Full{});
  }
  if (i < n) {
    body(i, Part{static_cast<int>(n - i)});
  }
}

// Loads elements of E into lanes of T, as wide or wider; lanes that are not there are 0.
template <typename E, typename T>
COPPICE_INLINE Vector<T> load(const char* from, Full) {
  if constexpr (sizeof(E) == sizeof(T)) {
    Vector<T> v;
    std::memcpy(&v, from, sizeof v);
    return v;
  } else {
    typename Lanes<E>::Half half;
    std::memcpy(&half, from, sizeof half);
    return __builtin_convertvector(half, Vector<T>);
  }
}

template <typename E, typename T>
COPPICE_INLINE Vector<T> load(const char* from, Part part) {
#if defined(COPPICE_LANES_AVX512)
  if constexpr (sizeof(E) == sizeof(T)) {
    if constexpr (sizeof(T) == 2) {
      return (Vector<T>)_mm512_maskz_loadu_epi16((1U << part.count) - 1, from);
    } else {
      return (Vector<T>)_mm512_maskz_loadu_epi32(
          static_cast<__mmask16>((1U << part.count) - 1), from);
    }
  }
#endif
  char padded[vector_bytes] = {};
  std::memcpy(padded, from, static_cast<size_t>(part.count) * sizeof(E));
  return load<E, T>(padded, Full{});
}

template <typename E, typename T>
COPPICE_INLINE void store(char* to, Vector<T> v, Full) {
  if constexpr (sizeof(E) == sizeof(T)) {
    std::memcpy(to, &v, sizeof v);
  } else {
    auto half = __builtin_convertvector(v, typename Lanes<E>::Half);
    std::memcpy(to, &half, sizeof half);
  }
}

template <typename E, typename T>
COPPICE_INLINE void store(char* to, Vector<T> v, Part part) {
  char padded[vector_bytes];
  store<E, T>(padded, v, Full{});
  std::memcpy(to, padded, static_cast<size_t>(part.count) * sizeof(E));
}

template <typename T>
COPPICE_INLINE bool any(Vector<T> mask) {
#if defined(COPPICE_LANES_AVX512)
  return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif defined(COPPICE_LANES_AVX2)
  return _mm256_testz_si256((__m256i)mask, (__m256i)mask) == 0;
#elif defined(__x86_64__)
  return _mm_movemask_epi8((__m128i)mask) != 0;
#else
  typedef uint64_t Words __attribute__((vector_size(vector_bytes)));
  Words words = (Words)mask;
  return (words[0] | words[1]) != 0;
#endif
}

template <typename T>
COPPICE_INLINE int lane_count(Vector<T> mask) {
#if defined(COPPICE_LANES_AVX512)
  return __builtin_popcountll(_mm512_movepi8_mask((__m512i)mask)) / static_cast<int>(sizeof(T));
#elif defined(COPPICE_LANES_AVX2)
  return __builtin_popcount(static_cast<unsigned>(_mm256_movemask_epi8((__m256i)mask))) /
         static_cast<int>(sizeof(T));
#else
  T each[lanes<T>];
  std::memcpy(each, &mask, sizeof each);
  int count = 0;
  for (T lane : each) {
    count -= lane;
  }
  return count;
#endif
}

// Adds up masks, lane by lane. Holds 32,767 vectors.
template <typename T>
class Count {
 public:
  COPPICE_INLINE void add(Vector<T> mask) {
#if defined(COPPICE_LANES_AVX512)
    lanes_ = mask ? lanes_ + 1 : lanes_;  // Becomes one masked addition.
#else
    lanes_ -= mask;
#endif
  }

  COPPICE_INLINE int64_t total() const {
    T each[lanes<T>];
    std::memcpy(each, &lanes_, sizeof each);
    int32_t sum = 0;
    for (int i = 0; i < lanes<T>; i++) {
      sum += each[i];
    }
    return sum;
  }

 private:
  Vector<T> lanes_{};
};

}  // namespace coppice::COPPICE_ISA
