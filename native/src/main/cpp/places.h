// The positions of 2:4, as tiles of the tensor cores hold them.
#pragma once

#include "floats.h"

namespace coppice::COPPICE_ISA {

// Which of 2 * float_lanes inputs the stored weights of a row meet: their places, a lane each. Of
// a tile's 8 bytes for rows g (half 0) and g + 8 (half 1).
struct Places {
#if defined(COPPICE_LANES_AVX512)
  __m512i order;

  COPPICE_INLINE Places(uint64_t tile, int half, int) {
    const __m512i lane =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 32, 34, 36, 38, 40, 42, 44, 46);
    const __m512i four =
        _mm512_setr_epi32(0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28);
    __m512i fields = _mm512_maskz_multishift_epi64_epi8(
        ~__mmask64{0}, _mm512_add_epi32(lane, _mm512_set1_epi32(16 * half)),
        _mm512_set1_epi64(static_cast<int64_t>(tile)));
    order = _mm512_ternarylogic_epi32(fields, _mm512_set1_epi32(3), four, 0xEA);  // and, or
  }

  COPPICE_INLINE Floats of(const float* x) const {
    return _mm512_permutex2var_ps(at<Floats>(x), order, at<Floats>(x + 16));
  }
#elif defined(COPPICE_LANES_AVX2)
  __m256i order;

  COPPICE_INLINE Places(uint64_t tile, int half, int step) {
    const __m256i lane = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
    const __m256i four = _mm256_setr_epi32(0, 0, 4, 4, 0, 0, 4, 4);
    __m256i fields = _mm256_srlv_epi32(
        _mm256_set1_epi32(static_cast<int32_t>(tile >> (32 * step + 16 * half))), lane);
    order = _mm256_or_si256(_mm256_and_si256(fields, _mm256_set1_epi32(3)), four);
  }

  COPPICE_INLINE Floats of(const float* x) const {
    return _mm256_blend_ps(_mm256_permutevar8x32_ps(at<__m256>(x), order),
                           _mm256_permutevar8x32_ps(at<__m256>(x + 8), order), 0xF0);
  }
#else
  uint64_t order;

  COPPICE_INLINE Places(uint64_t tile, int half, int step)
      : order(tile >> (32 * (step / 2) + 16 * half + 8 * (step % 2))) {}

  COPPICE_INLINE Floats of(const float* x) const {
    return Floats{x[order & 3], x[order >> 2 & 3], x[4 + (order >> 4 & 3)],
                  x[4 + (order >> 6 & 3)]};
  }
#endif
};

}  // namespace coppice::COPPICE_ISA
