// Left-packing: the lanes that a mask names are written one after the other. A whole vector is
// written each time, so there must be room for one more behind the last lane.
#pragma once

#include "lanes.h"

namespace coppice::COPPICE_ISA {

#if defined(COPPICE_LANES_AVX512)

COPPICE_INLINE uint16_t* append(uint16_t* out, Vector<int16_t> v, Vector<int16_t> mask) {
  __mmask32 bits = _mm512_movepi16_mask((__m512i)mask);
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi16(bits, (__m512i)v));
  return out + __builtin_popcount(bits);
}

COPPICE_INLINE uint32_t* append(uint32_t* out, Vector<int32_t> v, Vector<int32_t> mask) {
  __mmask16 bits = _mm512_movepi32_mask((__m512i)mask);
  _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(bits, (__m512i)v));
  return out + __builtin_popcount(bits);
}

#elif defined(COPPICE_LANES_AVX2)

// For each mask of eight lanes: the numbers of its lanes, then anything.
struct PackTable {
  uint8_t lane[256][8];
  uint8_t byte[256][16];
};

inline constexpr PackTable pack_table = [] {
  PackTable table{};
  for (unsigned mask = 0; mask < 256; mask++) {
    unsigned next = 0;
    for (unsigned i = 0; i < 8; i++) {
      if (mask >> i & 1) {
        table.lane[mask][next] = static_cast<uint8_t>(i);
        table.byte[mask][2 * next] = static_cast<uint8_t>(2 * i);
        table.byte[mask][2 * next + 1] = static_cast<uint8_t>(2 * i + 1);
        next++;
      }
    }
  }
  return table;
}();

COPPICE_INLINE uint16_t* append_eight(uint16_t* out, __m128i v, unsigned bits) {
  __m128i order = _mm_loadu_si128((const __m128i_u*)pack_table.byte[bits]);
  _mm_storeu_si128((__m128i_u*)out, _mm_shuffle_epi8(v, order));
  return out + __builtin_popcount(bits);
}

COPPICE_INLINE uint16_t* append(uint16_t* out, Vector<int16_t> v, Vector<int16_t> mask) {
  if (!any<int16_t>(mask)) {
    return out;
  }
  __m128i halves = _mm_packs_epi16(_mm256_castsi256_si128((__m256i)mask),
                                   _mm256_extracti128_si256((__m256i)mask, 1));
  unsigned bits = static_cast<unsigned>(_mm_movemask_epi8(halves));
  out = append_eight(out, _mm256_castsi256_si128((__m256i)v), bits & 0xFF);
  return append_eight(out, _mm256_extracti128_si256((__m256i)v, 1), bits >> 8);
}

COPPICE_INLINE uint32_t* append(uint32_t* out, Vector<int32_t> v, Vector<int32_t> mask) {
  if (!any<int32_t>(mask)) {
    return out;
  }
  unsigned bits = static_cast<unsigned>(_mm256_movemask_ps((__m256)mask));
  __m256i order =
      _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i_u*)pack_table.lane[bits]));
  _mm256_storeu_si256((__m256i_u*)out, _mm256_permutevar8x32_epi32((__m256i)v, order));
  return out + __builtin_popcount(bits);
}

#else

template <typename To, typename T>
COPPICE_INLINE To* append_lanes(To* out, Vector<T> v, Vector<T> mask) {
  if (any<T>(mask)) {
    for (int i = 0; i < lanes<T>; i++) {
      *out = static_cast<To>(v[i]);
      out -= mask[i];
    }
  }
  return out;
}

COPPICE_INLINE uint16_t* append(uint16_t* out, Vector<int16_t> v, Vector<int16_t> mask) {
  return append_lanes<uint16_t, int16_t>(out, v, mask);
}

COPPICE_INLINE uint32_t* append(uint32_t* out, Vector<int32_t> v, Vector<int32_t> mask) {
  return append_lanes<uint32_t, int32_t>(out, v, mask);
}

#endif

}  // namespace coppice::COPPICE_ISA
