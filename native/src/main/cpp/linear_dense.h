// y[b, o] = sum over c of W[o, c] * x[b, c] for many rows of x and dense weights: tiles of a few
// rows of W and up to 4 vectors of x stay in registers, blocks of columns in the caches.
#pragma once

#include "linear.h"

namespace coppice::COPPICE_ISA {

inline constexpr int64_t dense_columns = 256;

template <int Vectors>
inline constexpr int tile_rows =
#if defined(COPPICE_LANES_AVX512)
    Vectors <= 2 ? 8 : 6;
#else
    Vectors == 1 ? 8 : Vectors == 2 ? 4 : 6 - Vectors;
#endif

// sums[r, lanes] += w[r, columns] times x[columns, lanes], of each some vectors.
template <int Rows, int Vectors>
void add_tile(const char* w, int64_t w_stride, int64_t columns, const float* x, int64_t lanes, float* sums) {
  Floats sum[Rows][Vectors];
  for (int r = 0; r < Rows; r++) {
    for (int v = 0; v < Vectors; v++) {
      sum[r][v] = at<Floats>(sums + r * lanes + v * float_lanes);
    }
  }
  for (int64_t c = 0; c < columns; c++) {
    Floats inputs[Vectors];
    for (int v = 0; v < Vectors; v++) {
      inputs[v] = at<Floats>(x + c * lanes + v * float_lanes);
    }
    for (int r = 0; r < Rows; r++) {
      Floats weight = broadcast(at<float>(w + r * w_stride + c * 4));
      for (int v = 0; v < Vectors; v++) {
        sum[r][v] = fma(weight, inputs[v], sum[r][v]);
      }
    }
  }
  for (int r = 0; r < Rows; r++) {
    for (int v = 0; v < Vectors; v++) {
      put(sums + r * lanes + v * float_lanes, sum[r][v]);
    }
  }
}

template <int Vectors>
void add_rows(const char* w, int64_t w_stride, int64_t rows, int64_t columns, const float* x,
              int64_t lanes, float* sums) {
  constexpr int tile = tile_rows<Vectors>;
  if (rows == tile) {
    add_tile<tile, Vectors>(w, w_stride, columns, x, lanes, sums);
    return;
  }
  for (int64_t r = 0; r < rows; r++) {
    add_tile<1, Vectors>(w + r * w_stride, w_stride, columns, x, lanes, sums + r * lanes);
  }
}

template <typename E, int Vectors>
void dense_strip(const coppice_weights& weights, const float* x, int64_t lanes, int64_t first,
                 int64_t end, float* sums) {
  constexpr int tile = tile_rows<Vectors>;
  const char* values = static_cast<const char*>(weights.values);
  for (int64_t c = 0; c < weights.in; c += dense_columns) {
    int64_t columns = weights.in - c < dense_columns ? weights.in - c : dense_columns;
    for (int64_t row = first; row < end; row += tile) {
      int64_t rows = end - row < tile ? end - row : tile;
      const char* from = values + (row * weights.in + c) * E::size;
      float* to = sums + (row - first) * lanes;
      if constexpr (E::size == sizeof(float)) {
        add_rows<Vectors>(from, weights.in * 4, rows, columns, x + c * lanes, lanes, to);
      } else {
        float w[tile * dense_columns];
        for (int64_t r = 0; r < rows; r++) {
          widen<E>(from + r * weights.in * E::size, columns, w + r * dense_columns);
        }
        add_rows<Vectors>(reinterpret_cast<const char*>(w), dense_columns * 4, rows, columns,
                          x + c * lanes, lanes, to);
      }
    }
  }
}

}  // namespace coppice::COPPICE_ISA
