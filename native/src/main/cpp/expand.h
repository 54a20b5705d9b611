// Spreading packed elements out to the lanes that a mask names, as floats; the others are 0.
#pragma once

#include "floats.h"

namespace coppice::COPPICE_ISA {

// Sets of lanes, a bit each.
inline constexpr uint64_t all_lanes = (uint64_t{1} << float_lanes) - 1;

#if defined(COPPICE_LANES_AVX2)

// For each mask of eight lanes: which of the packed elements goes to a lane; 0x80 where none does.
struct ExpandTable {
  uint8_t lane[256][8];
  uint8_t byte[256][16];
};

inline constexpr ExpandTable expand_table = [] {
  ExpandTable table{};
  for (unsigned mask = 0; mask < 256; mask++) {
    uint8_t next = 0;
    for (unsigned i = 0; i < 8; i++) {
      bool there = mask >> i & 1;
      table.lane[mask][i] = there ? next : 0x80;
      table.byte[mask][2 * i] = there ? static_cast<uint8_t>(2 * next) : 0x80;
      table.byte[mask][2 * i + 1] = there ? static_cast<uint8_t>(2 * next + 1) : 0x80;
      next = static_cast<uint8_t>(next + there);
    }
  }
  return table;
}();

#endif

// Reads float_lanes elements, of which the first few are used.
template <typename E>
COPPICE_INLINE Floats expand(const char* from, uint64_t bits) {
#if defined(COPPICE_LANES_AVX512)
  if constexpr (E::size == 4) {
    return _mm512_maskz_expand_ps(static_cast<__mmask16>(bits), _mm512_loadu_ps(from));
  } else {
    __m256i spread =
        _mm256_maskz_expand_epi16(static_cast<__mmask16>(bits), at<__m256i>(from));
    return E::load(&spread);
  }
#elif defined(COPPICE_LANES_AVX2)
  if constexpr (E::size == 4) {
    __m256i order = _mm256_cvtepi8_epi32(
        _mm_loadl_epi64((const __m128i_u*)expand_table.lane[bits]));
    __m256 spread = _mm256_permutevar8x32_ps(at<__m256>(from), order);
    return _mm256_blendv_ps(spread, _mm256_setzero_ps(), _mm256_castsi256_ps(order));
  } else {
    __m128i order = _mm_loadu_si128((const __m128i_u*)expand_table.byte[bits]);
    __m128i spread = _mm_shuffle_epi8(at<__m128i>(from), order);
    return E::load(&spread);
  }
#else
  Floats v{};
  for (int i = 0; i < float_lanes; i++) {
    if (bits >> i & 1) {
      v[i] = E::widen(at<typename E::Bits>(from));
      from += E::size;
    }
  }
  return v;
#endif
}

// The same, and no element is read but those that are used.
template <typename E>
COPPICE_INLINE Floats expand_last(const char* from, uint64_t bits) {
  char padded[float_lanes * E::size] = {};
  std::memcpy(padded, from, static_cast<size_t>(__builtin_popcountll(bits) * E::size));
  return expand<E>(padded, bits);
}

// w * x + c in the lanes that are there, c in the others, whatever x is; w is 0 in those.
COPPICE_INLINE Floats fma_present(Floats w, Floats x, Floats c, uint64_t bits) {
#if defined(COPPICE_LANES_AVX512)
  return _mm512_mask3_fmadd_ps(w, x, c, static_cast<__mmask16>(bits));
#else
  (void)bits;
  typedef int32_t Ints __attribute__((vector_size(vector_bytes)));
  return fma(w, (Floats)((Ints)x & ((Ints)w != 0)), c);
#endif
}

}  // namespace coppice::COPPICE_ISA
