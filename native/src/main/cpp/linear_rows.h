// y[b, o] = sum over c of x[b, c] * W[o, c] for few rows of x: each is multiplied with a row of W
// while that passes. Bound by memory: of a weight 4 or 2 bytes are read if it is dense, half of
// that and 1/4 byte if it is 2:4, its share of stored ones and 1/8 byte in a bitmap.
#pragma once

#include "linear.h"

namespace coppice::COPPICE_ISA {

// How many rows of x share one pass over a row of W: as many as there are registers for.
#if defined(COPPICE_LANES_AVX512)
inline constexpr int most_shared_rows = 8;
#else
inline constexpr int most_shared_rows = 4;
#endif

// How far ahead weights are asked for: hardware prefetching ends at each page.
inline constexpr int64_t weights_ahead = 2048;

// Sums for B rows of x; few rows have several each, since additions take time.
template <int B>
struct Sums {
  static constexpr int each = B >= 4 ? 1 : 4 / B;
  Floats lanes[B][each] = {};

  COPPICE_INLINE float total(int b) const {
    Floats all = lanes[b][0];
    for (int i = 1; i < each; i++) {
      all += lanes[b][i];
    }
    return sum(all);
  }
};

template <typename E, int B>
COPPICE_INLINE void dense_row(const coppice_weights& weights, int64_t row, const float* x,
                              int64_t stride, Sums<B>& sums) {
  const char* from = static_cast<const char*>(weights.values) + row * weights.in * E::size;
  constexpr int step = Sums<B>::each * float_lanes;
  int64_t c = 0;
  for (; c + step <= weights.in; c += step) {
    __builtin_prefetch(from + c * E::size + weights_ahead);
    for (int i = 0; i < Sums<B>::each; i++) {
      Floats w = E::load(from + (c + i * float_lanes) * E::size);
      for (int b = 0; b < B; b++) {
        sums.lanes[b][i] = fma(w, at<Floats>(x + b * stride + c + i * float_lanes),
                               sums.lanes[b][i]);
      }
    }
  }
  for (; c < weights.in; c += float_lanes) {
    float last[float_lanes] = {};
    int64_t left = weights.in - c;
    widen<E>(from + c * E::size, left < float_lanes ? left : float_lanes, last);
    for (int b = 0; b < B; b++) {
      sums.lanes[b][0] = fma(at<Floats>(last), at<Floats>(x + b * stride + c), sums.lanes[b][0]);
    }
  }
}

// Last says that the vectors read may reach beyond the last value of all.
template <typename E, int B, bool Last>
COPPICE_INLINE void bitmap_row(const coppice_weights& weights, int64_t row, const float* x,
                               int64_t stride, Sums<B>& sums) {
  int64_t words = bits_stride(weights) / 8;
  const char* bits = static_cast<const char*>(weights.index) + row * words * 8;
  const char* from = static_cast<const char*>(weights.values) + offset_of(weights, row) * E::size;
  for (int64_t i = 0; i < words; i++) {
    auto word = at<uint64_t>(bits + i * 8);
    __builtin_prefetch(from + weights_ahead);
    for (int part = 0; part < 64 / float_lanes; part++) {
      uint64_t present = word >> (part * float_lanes) & all_lanes;
      Floats w = Last ? expand_last<E>(from, present) : expand<E>(from, present);
      from += __builtin_popcountll(present) * E::size;
      const float* inputs = x + i * 64 + part * float_lanes;
      for (int b = 0; b < B; b++) {
        Floats& lanes = sums.lanes[b][part % Sums<B>::each];
        lanes = fma_present(w, at<Floats>(inputs + b * stride), lanes, present);
      }
    }
  }
}

template <typename E, int B>
COPPICE_INLINE void bitmap_row(const coppice_weights& weights, int64_t row, const float* x,
                               int64_t stride, Sums<B>& sums) {
  if (offset_of(weights, weights.out) - offset_of(weights, row + 1) < float_lanes) {
    bitmap_row<E, B, true>(weights, row, x, stride, sums);
  } else {
    bitmap_row<E, B, false>(weights, row, x, stride, sums);
  }
}

template <typename E, int B>
COPPICE_INLINE void csr_row(const coppice_weights& weights, int64_t row, const float* x,
                            int64_t stride, Sums<B>& sums) {
  const char* values = static_cast<const char*>(weights.values);
  const char* columns = static_cast<const char*>(weights.index);
  const char* offsets = static_cast<const char*>(weights.offsets);
  int64_t end = at<int32_t>(offsets + (row + 1) * 4);
  for (int64_t i = at<int32_t>(offsets + row * 4); i < end; i += float_lanes) {
    int count = end - i < float_lanes ? static_cast<int>(end - i) : float_lanes;
    float w[float_lanes] = {};
    widen<E>(values + i * E::size, count, w);
    for (int b = 0; b < B; b++) {
      float inputs[float_lanes] = {};
      for (int lane = 0; lane < count; lane++) {
        inputs[lane] = x[b * stride + at<int32_t>(columns + (i + lane) * 4)];
      }
      sums.lanes[b][0] = fma(at<Floats>(w), at<Floats>(inputs), sums.lanes[b][0]);
    }
  }
}

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

// Rows g and g + 8 of sixteen: a tile holds their positions side by side.
template <typename E, int B>
COPPICE_INLINE void two_four_rows(const coppice_weights& weights, int64_t row, const float* x,
                                  int64_t stride, Sums<B>& first, Sums<B>& second) {
  int64_t tiles = (weights.in + 31) / 32;
  const char* positions = static_cast<const char*>(weights.index) +
                          row / 16 * tiles * 64 + row % 8 * 8;
  const char* low = static_cast<const char*>(weights.values) + row * tiles * 16 * E::size;
  const char* high = low + 8 * tiles * 16 * E::size;
  for (int64_t k = 0; k < tiles; k++) {
    auto tile = at<uint64_t>(positions + k * 64);
    __builtin_prefetch(low + weights_ahead);
    __builtin_prefetch(high + weights_ahead);
    for (int step = 0; step < 16 / float_lanes; step++) {
      const float* inputs = x + k * 32 + step * 2 * float_lanes;
      Places low_places(tile, 0, step);
      Places high_places(tile, 1, step);
      Floats low_values = E::load(low);
      Floats high_values = E::load(high);
      low += float_lanes * E::size;
      high += float_lanes * E::size;
      for (int b = 0; b < B; b++) {
        constexpr int each = Sums<B>::each;
        Floats& low_sum = first.lanes[b][step % each];
        Floats& high_sum = second.lanes[b][step % each];
        low_sum = fma(low_values, low_places.of(inputs + b * stride), low_sum);
        high_sum = fma(high_values, high_places.of(inputs + b * stride), high_sum);
      }
    }
  }
}

// Multiplies rows first to end - 1 of W with B rows of x, from row b on.
template <typename E, int B>
void some_rows(const coppice_weights& weights, const float* inputs, int64_t b, int64_t first,
               int64_t end, void* y) {
  int64_t stride = inputs_stride(weights.in);
  const float* x = inputs + b * stride;
  auto write = [&](int64_t row, const Sums<B>& sums) {
    for (int i = 0; i < B && row < end; i++) {
      finish<E>(weights, y, b + i, row, sums.total(i));
    }
  };
  for (int64_t row = first; row < end; row++) {
    Sums<B> sums;
    if (weights.format == COPPICE_BITMAP) {
      bitmap_row<E, B>(weights, row, x, stride, sums);
    } else if (weights.format == COPPICE_DENSE) {
      dense_row<E, B>(weights, row, x, stride, sums);
    } else if (weights.format == COPPICE_CSR) {
      csr_row<E, B>(weights, row, x, stride, sums);
    } else if (row % 16 < 8) {
      Sums<B> second;
      two_four_rows<E, B>(weights, row, x, stride, sums, second);
      write(row + 8, second);
    } else {
      continue;  // Came with the row eight before it.
    }
    write(row, sums);
  }
}

// A strip of rows of W stays in the cache while it meets all rows of x.
template <typename E>
void single_rows(const coppice_weights& weights, const float* inputs, int64_t batch, int64_t first,
                 int64_t end, void* y) {
  for (int64_t strip = first; strip < end; strip += 16) {
    int64_t strip_end = strip + 16 < end ? strip + 16 : end;
    for (int64_t b = 0; b < batch;) {
      if (most_shared_rows >= 8 && batch - b >= 8) {
        some_rows<E, most_shared_rows>(weights, inputs, b, strip, strip_end, y);
        b += most_shared_rows;
      } else if (batch - b >= 4) {
        some_rows<E, 4>(weights, inputs, b, strip, strip_end, y);
        b += 4;
      } else if (batch - b >= 2) {
        some_rows<E, 2>(weights, inputs, b, strip, strip_end, y);
        b += 2;
      } else {
        some_rows<E, 1>(weights, inputs, b, strip, strip_end, y);
        b += 1;
      }
    }
  }
}

}  // namespace coppice::COPPICE_ISA
