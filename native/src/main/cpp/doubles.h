// Vectors of doubles, and as many narrower lanes that are widened to them.
#pragma once

#include "lanes.h"

namespace coppice::COPPICE_ISA {

inline constexpr int width = vector_bytes / 8;

typedef double Doubles __attribute__((vector_size(vector_bytes)));
typedef float Floats __attribute__((vector_size(vector_bytes / 2)));
typedef uint32_t Words __attribute__((vector_size(vector_bytes / 2)));
typedef uint16_t Halves __attribute__((vector_size(vector_bytes / 4)));

COPPICE_INLINE Doubles widen(Floats values) {
#if defined(COPPICE_LANES_AVX512)
  // GCC 12 makes halves of a conversion, and warns of its own header where there is no mask.
  return (Doubles)_mm512_maskz_cvtps_pd(0xFF, (__m256)values);
#elif defined(COPPICE_LANES_AVX2)
  return (Doubles)_mm256_cvtps_pd((__m128)values);
#else
  return __builtin_convertvector(values, Doubles);
#endif
}

COPPICE_INLINE Words widen(Halves bits) {
#if defined(COPPICE_LANES_AVX512)
  return (Words)_mm256_cvtepu16_epi32((__m128i)bits);
#elif defined(COPPICE_LANES_AVX2)
  return (Words)_mm_cvtepu16_epi32(_mm_set_epi64x(0, (int64_t)bits));
#else
  return __builtin_convertvector(bits, Words);
#endif
}

}  // namespace coppice::COPPICE_ISA
