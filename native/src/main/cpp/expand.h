// Spreading packed elements out to the lanes that a mask names, as floats.
#pragma once

#include <type_traits>

#include "floats.h"

namespace coppice::COPPICE_ISA {

#if defined(COPPICE_LANES_AVX2)

// For each mask of eight lanes: which of the packed elements goes to a lane; 0x80 where none does.
struct alignas(64) ExpandTable {
  uint8_t upper[256][32];  // To the upper halves of lanes twice as wide.
  uint8_t byte[256][16];
  uint8_t lane[256][8];
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
      table.upper[mask][4 * i] = table.upper[mask][4 * i + 1] = 0x80;
      table.upper[mask][4 * i + 2] = table.byte[mask][2 * i];
      table.upper[mask][4 * i + 3] = table.byte[mask][2 * i + 1];
      next = static_cast<uint8_t>(next + there);
    }
  }
  return table;
}();

#endif

// Which lanes of a vector are there: float_lanes bits of a word, the part-th of them.
template <typename E>
struct Present {
#if defined(COPPICE_LANES_AVX512)
  __mmask16 bits;

  // Straight into a mask register, not by way of others.
  COPPICE_INLINE Present(const char* word, int part) {
    asm("kmovw %1, %0" : "=k"(bits) : "m"(*reinterpret_cast<const char(*)[2]>(word + part * 2)));
  }
#elif defined(COPPICE_LANES_AVX2)
  unsigned bits;

  COPPICE_INLINE Present(const char* word, int part) : bits(at<uint8_t>(word + part)) {}

  // Which of the packed elements goes to a lane; negative where none does.
  COPPICE_INLINE __m256i order() const {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i_u*)expand_table.lane[bits]));
  }
#else
  unsigned bits;

  COPPICE_INLINE Present(const char* word, int part)
      : bits(static_cast<unsigned>(at<uint64_t>(word) >> (part * float_lanes)) &
             ((1U << float_lanes) - 1)) {}
#endif

  // w * x + c in the lanes that are there, c in the others, whatever x is: w as spread() gives it.
  COPPICE_INLINE Floats fma(Floats w, Floats x, Floats c) const {
#if defined(COPPICE_LANES_AVX512)
    return _mm512_mask3_fmadd_ps(w, x, c, bits);
#else
#if defined(COPPICE_LANES_AVX2)
    if constexpr (E::size == 4) {
      return _mm256_blendv_ps(COPPICE_ISA::fma(w, x, c), c, _mm256_castsi256_ps(order()));
    }
#endif
    typedef int32_t Ints __attribute__((vector_size(vector_bytes)));
    return COPPICE_ISA::fma(w, (Floats)((Ints)x & ((Ints)w != 0)), c);
#endif
  }
};

// Packed elements that are spread at once: of 16 bits a whole vector of them where there are
// instructions for it, otherwise a vector of floats.
template <typename E>
inline constexpr int spread_vectors =
#if defined(COPPICE_LANES_AVX512)
    4 / E::size;
#else
    1;
#endif

template <typename E>
inline constexpr int spread_lanes = spread_vectors<E> * float_lanes;

// Of the lanes of the part-th step within a word of bits, how many are there.
template <typename E>
COPPICE_INLINE int count(const char* word, int part) {
#if defined(COPPICE_LANES_AVX2)
  return __builtin_popcountll(at<uint8_t>(word + part));
#endif
  uint64_t lanes = at<uint64_t>(word) >> (part * spread_lanes<E>);
  return __builtin_popcountll(lanes & ((uint64_t{1} << spread_lanes<E>) - 1));
}

// Reads spread_lanes elements, of which the first few are used. Lanes that are not there are 0;
// F32's on AVX2 may be anything.
template <typename E>
COPPICE_INLINE void spread(const char* from, const char* word, int part,
                           Floats (&to)[spread_vectors<E>]) {
#if defined(COPPICE_LANES_AVX512)
  // Zen 5 waits for the register that is written, zeroing or not: so that is the one that is read.
  // Compilers take the same one every time, and each would wait for the one before.
  auto packed = at<__m512i>(from);
  if constexpr (E::size == 4) {
    asm("vexpandps %0, %0%{%1%}%{z%}" : "+v"(packed) : "Yk"(Present<E>(word, part).bits));
    to[0] = (Floats)packed;
  } else {
    __mmask32 bits;
    asm("kmovd %1, %0" : "=k"(bits) : "m"(*reinterpret_cast<const char(*)[4]>(word + part * 4)));
    asm("vpexpandw %0, %0%{%1%}%{z%}" : "+v"(packed) : "Yk"(bits));
    E::load_both(packed, to);
  }
#elif defined(COPPICE_LANES_AVX2)
  Present<E> present(word, part);
  if constexpr (E::size == 4) {
    to[0] = _mm256_permutevar8x32_ps(at<__m256>(from), present.order());
  } else if constexpr (std::is_same_v<E, BF16>) {
    __m256i packed = _mm256_broadcastsi128_si256(at<__m128i>(from));
    __m256i order = at<__m256i>(expand_table.upper[present.bits]);
    to[0] = _mm256_castsi256_ps(_mm256_shuffle_epi8(packed, order));
  } else {
    __m128i order = at<__m128i>(expand_table.byte[present.bits]);
    __m128i lanes = _mm_shuffle_epi8(at<__m128i>(from), order);
    to[0] = E::load(&lanes);
  }
#else
  unsigned bits = Present<E>(word, part).bits;
  to[0] = Floats{};
  for (int i = 0; i < float_lanes; i++) {
    if (bits >> i & 1) {
      to[0][i] = E::widen(at<typename E::Bits>(from));
      from += E::size;
    }
  }
#endif
}

}  // namespace coppice::COPPICE_ISA
