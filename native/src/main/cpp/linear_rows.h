// y[b, o] = sum over c of x[b, c] * W[o, c] for few rows of x: each is multiplied with a row of W
// while that passes. Bound by memory: of a weight 4 or 2 bytes are read if it is dense, half of
// that and 1/4 byte if it is 2:4, its share of stored ones and 1/8 byte in a bitmap.
#pragma once

#include "linear.h"
#include "places.h"

namespace coppice::COPPICE_ISA {

// How many rows of x share one pass over a row of W: as many as there are registers for.
#if defined(COPPICE_LANES_AVX512)
inline constexpr int most_shared_rows = 8;
#else
inline constexpr int most_shared_rows = 4;
#endif

// Rows of W that pass together, block of columns by block, so that the block's inputs stay in the
// first-level cache.
inline constexpr int64_t rows_together = 16;

template <int B>
inline constexpr int64_t shared_columns = B == 1 ? int64_t{1} << 40 : 4096 / B;

// How far ahead weights are asked for: hardware prefetching ends at each page.
inline constexpr int64_t weights_ahead = 2048;

template <int Bytes>
COPPICE_INLINE void prefetch(const char* from) {
  for (int i = 0; i < Bytes; i += 64) {
    __builtin_prefetch(from + weights_ahead + i);
  }
}

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

// Columns c to end - 1 of a row of W.
template <typename E, int B>
COPPICE_INLINE void dense_row(const coppice_weights& weights, int64_t row, int64_t c, int64_t end,
                              const float* x, int64_t stride, Sums<B>& all) {
  Sums<B> sums = all;
  const char* from = static_cast<const char*>(weights.values) + row * weights.in * E::size;
  constexpr int step = Sums<B>::each * float_lanes;
  for (; c + step <= end; c += step) {
    prefetch<step * E::size>(from + c * E::size);
    for (int i = 0; i < Sums<B>::each; i++) {
      Floats w = E::load(from + (c + i * float_lanes) * E::size);
      for (int b = 0; b < B; b++) {
        sums.lanes[b][i] = fma(w, at<Floats>(x + b * stride + c + i * float_lanes),
                               sums.lanes[b][i]);
      }
    }
  }
  for (; c < end; c += float_lanes) {
    float last[float_lanes] = {};
    int64_t left = end - c;
    widen<E>(from + c * E::size, left < float_lanes ? left : float_lanes, last);
    for (int b = 0; b < B; b++) {
      sums.lanes[b][0] = fma(at<Floats>(last), at<Floats>(x + b * stride + c), sums.lanes[b][0]);
    }
  }
  all = sums;
}

// Rows of a bitmap that share what is read of x: as many as there are registers for their sums.
template <int B>
inline constexpr int shared_bitmap_rows =
#if defined(COPPICE_LANES_AVX512)
    16 / (B * Sums<B>::each);
#else
    B == 1 ? 2 : 1;
#endif

// Words i to end - 1 of the bits of R rows that lie `apart`. Last says that the vectors read may
// reach beyond the last value of all. Compilers keep in registers what loops index that they unroll.
template <typename E, int B, int R, bool Last>
COPPICE_INLINE void bitmap_words(const coppice_weights& weights, int64_t row, int64_t apart,
                                 int64_t i, int64_t end, const char** next, const float* x,
                                 int64_t stride, Sums<B>* all) {
  constexpr int vectors = spread_vectors<E>, each = Sums<B>::each;
  const char* bits = static_cast<const char*>(weights.index) + row * bits_stride(weights);
  const bool thick = offset_of(weights, weights.out) * E::size > weights.out * weights.in;
  Floats sums[R][B][each];
  const char* from[R];
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) {
    from[r] = next[r * apart];
    std::memcpy(sums[r], all[r * apart].lanes, sizeof sums[r]);
  }
  for (; i < end; i++) {
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      prefetch<64>(from[r]);
      if (thick) {
        prefetch<64>(from[r] + 64);
      }
    }
#pragma GCC unroll 16
    for (int part = 0; part < 64 / spread_lanes<E>; part++) {
      Floats inputs[vectors][B];
      for (int v = 0; v < vectors; v++) {
        for (int b = 0; b < B; b++) {
          inputs[v][b] = at<Floats>(x + b * stride + i * 64 + (part * vectors + v) * float_lanes);
          if constexpr (R > 1) {
            keep(inputs[v][b]);  // Read once for all rows: what is read is the limit.
          }
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) {
        const char* word = bits + r * apart * bits_stride(weights) + i * 8;
        Floats w[vectors];
        int few = count<E>(word, part);
        if constexpr (Last) {
          char padded[vectors * vector_bytes] = {};
          std::memcpy(padded, from[r], static_cast<size_t>(few * E::size));
          spread<E>(padded, word, part, w);
        } else {
          spread<E>(from[r], word, part, w);
        }
        from[r] += few * E::size;
        for (int v = 0; v < vectors; v++) {
          int at_vector = part * vectors + v;
          Present<E> present(word, at_vector);
          for (int b = 0; b < B; b++) {
            Floats& lanes = sums[r][b][at_vector % each];
            lanes = present.fma(w[v], inputs[v][b], lanes);
          }
        }
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; r++) {
    next[r * apart] = from[r];
    std::memcpy(all[r * apart].lanes, sums[r], sizeof sums[r]);
  }
}

template <typename E, int B, int R>
COPPICE_INLINE void bitmap_rows(const coppice_weights& weights, int64_t row, int64_t apart,
                                int64_t c, int64_t end, const char** next, const float* x,
                                int64_t stride, Sums<B>* sums) {
  int64_t word = c / 64, words = (end + 63) / 64;
  int64_t read = offset_of(weights, row + (R - 1) * apart + 1);
  if (offset_of(weights, weights.out) - read < spread_lanes<E>) {
    bitmap_words<E, B, R, true>(weights, row, apart, word, words, next, x, stride, sums);
  } else {
    bitmap_words<E, B, R, false>(weights, row, apart, word, words, next, x, stride, sums);
  }
}

// Rows first to end - 1, some at once, that lie so far apart that what is asked for ahead of one
// is the row after it.
template <typename E, int B>
COPPICE_INLINE void bitmap_strip(const coppice_weights& weights, int64_t first, int64_t end,
                                 int64_t c, int64_t c_end, const char** next, const float* x,
                                 int64_t stride, Sums<B>* sums) {
  constexpr int R = shared_bitmap_rows<B>;
  int64_t apart = (end - first) / R;
  for (int64_t r = 0; r < apart; r++) {
    bitmap_rows<E, B, R>(weights, first + r, apart, c, c_end, next + r, x, stride, sums + r);
  }
  for (int64_t r = R * apart; r < end - first; r++) {
    bitmap_rows<E, B, 1>(weights, first + r, 0, c, c_end, next + r, x, stride, sums + r);
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

// Rows g and g + 8 of sixteen: a tile holds their positions side by side.
template <typename E, int B>
COPPICE_INLINE void two_four_rows(const coppice_weights& weights, int64_t row, int64_t c,
                                  int64_t end, const float* x, int64_t stride, Sums<B>& all,
                                  Sums<B>& all_second) {
  Sums<B> first = all, second = all_second;
  int64_t tiles = (weights.in + 31) / 32;
  const char* positions = static_cast<const char*>(weights.index) +
                          row / 16 * tiles * 64 + row % 8 * 8;
  const char* low =
      static_cast<const char*>(weights.values) + (row * tiles * 16 + c / 2) * E::size;
  const char* high = low + 8 * tiles * 16 * E::size;
  for (int64_t k = c / 32; k < (end + 31) / 32; k++) {
    auto tile = at<uint64_t>(positions + k * 64);
    prefetch<16 * E::size>(low);
    prefetch<16 * E::size>(high);
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
  all = first;
  all_second = second;
}

// Multiplies rows first to end - 1 of W, sixteen at most, with B rows of x, from row b on.
template <typename E, int B>
void some_rows(const coppice_weights& weights, const float* inputs, int64_t b, int64_t first,
               int64_t end, void* y) {
  int64_t stride = inputs_stride(weights.in);
  const float* x = inputs + b * stride;
  Sums<B> sums[rows_together];
  const char* next[rows_together];
  for (int64_t row = first; row < end && weights.format == COPPICE_BITMAP; row++) {
    next[row - first] =
        static_cast<const char*>(weights.values) + offset_of(weights, row) * E::size;
  }
  for (int64_t c = 0; c < weights.in; c += shared_columns<B>) {
    int64_t c_end = c + shared_columns<B> < weights.in ? c + shared_columns<B> : weights.in;
    if (weights.format == COPPICE_BITMAP) {
      bitmap_strip<E, B>(weights, first, end, c, c_end, next, x, stride, sums);
      continue;
    }
    for (int64_t row = first; row < end; row++) {
      int64_t r = row - first;
      if (weights.format == COPPICE_DENSE) {
        dense_row<E, B>(weights, row, c, c_end, x, stride, sums[r]);
      } else if (weights.format == COPPICE_CSR) {
        if (c == 0) {
          csr_row<E, B>(weights, row, x, stride, sums[r]);
        }
      } else if (r < 8) {
        two_four_rows<E, B>(weights, row, c, c_end, x, stride, sums[r], sums[r + 8]);
      }
    }
  }
  for (int64_t row = first; row < end; row++) {
    for (int i = 0; i < B; i++) {
      finish<E>(weights, y, b + i, row, sums[row - first].total(i));
    }
  }
}

// A strip of rows of W stays in the cache while it meets all rows of x.
template <typename E>
void single_rows(const coppice_weights& weights, const float* inputs, int64_t batch, int64_t first,
                 int64_t end, void* y) {
  for (int64_t strip = first; strip < end; strip += rows_together) {
    int64_t strip_end = strip + rows_together < end ? strip + rows_together : end;
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
