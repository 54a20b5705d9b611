// Vectors of floats, and the types whose elements they are read from. Memory of callers is read
// and written through memcpy: nothing is said of its alignment.
#pragma once

#include <bit>

#include "lanes.h"

namespace coppice::COPPICE_ISA {

typedef float Floats __attribute__((vector_size(vector_bytes)));
inline constexpr int float_lanes = vector_bytes / static_cast<int>(sizeof(float));

template <typename T>
COPPICE_INLINE T at(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

COPPICE_INLINE void put(void* to, Floats v) { std::memcpy(to, &v, sizeof v); }

// Keeps v in a register, where a compiler would rather read it again.
COPPICE_INLINE void keep([[maybe_unused]] Floats& v) {
#if defined(__x86_64__)
  asm("" : "+x"(v));
#endif
}

COPPICE_INLINE Floats broadcast(float value) {
  return value - Floats{};  // Keeps -0.0.
}

// a * b + c, with one rounding where the processor has it.
COPPICE_INLINE Floats fma(Floats a, Floats b, Floats c) {
#if defined(COPPICE_LANES_AVX512)
  return _mm512_fmadd_ps(a, b, c);
#elif defined(COPPICE_LANES_AVX2)
  return _mm256_fmadd_ps(a, b, c);
#else
  return a * b + c;
#endif
}

COPPICE_INLINE float sum(Floats v) {
  float each[float_lanes];
  std::memcpy(each, &v, sizeof each);
  for (int half = float_lanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) {
      each[i] += each[i + half];
    }
  }
  return each[0];
}

// An element type: its bits, and the way to a float and, rounded to the nearest even one, back.
struct F32 {
  using Bits = uint32_t;
  static constexpr int size = 4;

  COPPICE_INLINE static float widen(Bits bits) { return std::bit_cast<float>(bits); }
  COPPICE_INLINE static Bits narrow(float value) { return std::bit_cast<Bits>(value); }
  COPPICE_INLINE static Floats load(const void* from) { return at<Floats>(from); }
};

struct BF16 {
  using Bits = uint16_t;
  static constexpr int size = 2;

  COPPICE_INLINE static float widen(Bits bits) {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }

  COPPICE_INLINE static Bits narrow(float value) {
    auto bits = std::bit_cast<uint32_t>(value);
    uint32_t rounded = bits + 0x7FFF + (bits >> 16 & 1);
    return static_cast<Bits>((value != value ? bits | 0x400000 : rounded) >> 16);
  }

  COPPICE_INLINE static Floats load(const void* from) {
    typedef uint32_t Words __attribute__((vector_size(vector_bytes)));
#if defined(COPPICE_LANES_AVX512)
    return (Floats)((Words)_mm512_maskz_cvtepu16_epi32(0xFFFF, at<__m256i>(from)) << 16);
#elif defined(COPPICE_LANES_AVX2)
    // GCC 12 makes four instructions of the conversion below.
    return (Floats)((Words)_mm256_cvtepu16_epi32(at<__m128i>(from)) << 16);
#else
    typedef Bits Halves __attribute__((vector_size(vector_bytes / 2)));
    return (Floats)(__builtin_convertvector(at<Halves>(from), Words) << 16);
#endif
  }

#if defined(COPPICE_LANES_AVX512)
  // Each word to the upper half of a lane.
  COPPICE_INLINE static void load_both(__m512i words, Floats (&to)[2]) {
    for (int half = 0; half < 2; half++) {
      Vector<int16_t> order;
      for (int i = 0; i < 32; i++) {
        order[i] = static_cast<int16_t>(16 * half + i / 2);
      }
      to[half] = (Floats)_mm512_maskz_permutexvar_epi16(0xAAAAAAAA, (__m512i)order, words);
    }
  }
#endif
};

struct F16 {
  using Bits = uint16_t;
  static constexpr int size = 2;

  COPPICE_INLINE static float widen(Bits bits) {
    uint32_t magnitude = static_cast<uint32_t>(bits & 0x7FFF) << 13;
    uint32_t wide = (bits & 0x7C00) == 0x7C00
                        ? magnitude | 0x7F800000
                        : std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
    return std::bit_cast<float>(wide | static_cast<uint32_t>(bits & 0x8000) << 16);
  }

  COPPICE_INLINE static Bits narrow(float value) {
    auto bits = std::bit_cast<uint32_t>(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7FFFFFFF;
    uint32_t narrow = 0x7C00;
    if (magnitude > 0x7F800000) {
      narrow = 0x7E00 | (magnitude >> 13 & 0x1FF);
    } else if (magnitude < 0x38800000) {  // Denormal: what is added has the unit of a result's.
      narrow = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3F000000;
    } else if (magnitude < 0x477FF000) {
      narrow = (magnitude - 0x38000000 + 0xFFF + (magnitude >> 13 & 1)) >> 13;
    }
    return static_cast<Bits>(sign | narrow);
  }

#if defined(COPPICE_LANES_AVX512)
  COPPICE_INLINE static void load_both(__m512i words, Floats (&to)[2]) {
    to[0] = _mm512_maskz_cvtph_ps(0xFFFF, __builtin_shufflevector(words, words, 0, 1, 2, 3));
    to[1] = _mm512_maskz_cvtph_ps(0xFFFF, __builtin_shufflevector(words, words, 4, 5, 6, 7));
  }
#endif

  COPPICE_INLINE static Floats load(const void* from) {
#if defined(COPPICE_LANES_AVX512)
    return _mm512_maskz_cvtph_ps(0xFFFF, at<__m256i>(from));
#elif defined(COPPICE_LANES_AVX2)
    return _mm256_cvtph_ps(at<__m128i>(from));
#else
    Floats v;
    for (int i = 0; i < float_lanes; i++) {
      v[i] = widen(at<Bits>(static_cast<const char*>(from) + i * size));
    }
    return v;
#endif
  }
};

// Turns a square of vectors round: lane j of vector i becomes lane i of vector j. Each step deals
// the vectors of the first and of the second half out to each other.
COPPICE_INLINE void turn(Floats (&rows)[float_lanes]) {
  typedef int32_t Order __attribute__((vector_size(vector_bytes)));
  Order low, high;
  for (int i = 0; i < float_lanes; i++) {
    low[i] = i / 2 + i % 2 * float_lanes;
    high[i] = low[i] + float_lanes / 2;
  }
  for (int step = 1; step < float_lanes; step *= 2) {
    Floats dealt[float_lanes];
    for (int i = 0; i < float_lanes / 2; i++) {
      dealt[2 * i] = __builtin_shuffle(rows[i], rows[i + float_lanes / 2], low);
      dealt[2 * i + 1] = __builtin_shuffle(rows[i], rows[i + float_lanes / 2], high);
    }
    for (int i = 0; i < float_lanes; i++) {
      rows[i] = dealt[i];
    }
  }
}

// Widens n elements, no more of which are read.
template <typename E>
COPPICE_INLINE void widen(const char* from, int64_t n, float* to) {
  int64_t i = 0;
  for (; i + float_lanes <= n; i += float_lanes) {
    put(to + i, E::load(from + i * E::size));
  }
  for (; i < n; i++) {
    to[i] = E::widen(at<typename E::Bits>(from + i * E::size));
  }
}

}  // namespace coppice::COPPICE_ISA
