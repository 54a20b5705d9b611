// y[b, o] = sum over c of W[o, c] * x[b, c] for many rows of x, which lie side by side: the inputs
// of a column are 1 to 8 vectors. A stored weight is read once for all of them, multiplied with
// them, and nothing is done for those that are not stored: 1 to 8 FMAs a stored weight.
//
// Blocks of columns whose inputs stay in the first-level cache; strips of rows whose sums stay in
// the second level.
#pragma once

#include "linear.h"

namespace coppice::COPPICE_ISA {

inline constexpr int64_t most_block_columns = 512;

inline constexpr int64_t columns_of(int64_t lanes) {
  int64_t fitting = 8192 / lanes / 64 * 64;  // 32 KiB
  return fitting < 64 ? 64 : fitting > most_block_columns ? most_block_columns : fitting;
}

// The stored weights of a row within a block of columns.
struct Stored {
  int64_t count;
  uint16_t column[most_block_columns + 64];
  float weight[most_block_columns];
};

// Where the rows of a strip have got to, in elements of their values.
using Progress = int64_t[strip_of_linear];

COPPICE_INLINE void find_in_bits(const char* bits, int64_t columns, Stored& stored) {
  stored.count = 0;
  for (int64_t c = 0; c < columns; c += 64) {
    auto word = at<uint64_t>(bits + c / 8);
    for (; word != 0; word &= word - 1) {
      stored.column[stored.count++] =
          static_cast<uint16_t>(c + __builtin_ctzll(word));
    }
  }
}

template <typename E>
COPPICE_INLINE void find(const coppice_weights& weights, int64_t row, int64_t first, int64_t end,
                         int64_t& next, Stored& stored) {
  const char* values = static_cast<const char*>(weights.values);
  const char* index = static_cast<const char*>(weights.index);
  if (weights.format == COPPICE_BITMAP) {
    find_in_bits(index + row * bits_stride(weights) + first / 8, end - first, stored);
  } else if (weights.format == COPPICE_TWO_FOUR) {
    int64_t tiles = (weights.in + 31) / 32;
    stored.count = (end - first) / 2;
    for (int64_t c = first; c < end; c += 16) {
      auto places = at<uint16_t>(index + (row / 16 * tiles + c / 32) * 64 + row % 8 * 8 +
                                 c % 32 / 16 * 4 + row % 16 / 8 * 2);
      for (int64_t i = 0; i < 8; i++) {
        stored.column[(c - first) / 2 + i] =
            static_cast<uint16_t>(c - first + i / 2 * 4 + (places >> (2 * i) & 3));
      }
    }
  } else {
    int64_t last = at<int32_t>(static_cast<const char*>(weights.offsets) + (row + 1) * 4);
    stored.count = 0;
    for (int64_t i = next; i < last; i++) {
      auto column = at<int32_t>(index + i * 4);
      if (column >= end) {
        break;
      }
      stored.column[stored.count++] = static_cast<uint16_t>(column - first);
    }
  }
  widen<E>(values + next * E::size, stored.count, stored.weight);
  next += stored.count;
}

COPPICE_INLINE int64_t first_value(const coppice_weights& weights, int64_t row) {
  if (weights.format == COPPICE_BITMAP) {
    return offset_of(weights, row);
  }
  return weights.format == COPPICE_TWO_FOUR
             ? row * ((weights.in + 31) / 32 * 16)
             : at<int32_t>(static_cast<const char*>(weights.offsets) + row * 4);
}

// Adds stored weights times their inputs to a row's sums. Few vectors have several sums each,
// since additions take time.
template <int Vectors>
void add_stored(const Stored& stored, const float* x, float* sums) {
  constexpr int sets = Vectors <= 2 ? 4 : Vectors <= 4 ? 2 : 1;
  constexpr int64_t lanes = Vectors * float_lanes;
  Floats sum[sets][Vectors] = {};
  auto add = [&](int64_t i, Floats* into) {
    Floats w = broadcast(stored.weight[i]);
    const float* inputs = x + stored.column[i] * lanes;
    for (int v = 0; v < Vectors; v++) {
      into[v] = fma(w, at<Floats>(inputs + v * float_lanes), into[v]);
    }
  };
  int64_t i = 0;
  for (; i + sets <= stored.count; i += sets) {
    for (int set = 0; set < sets; set++) {
      add(i + set, sum[set]);
    }
  }
  for (; i < stored.count; i++) {
    add(i, sum[0]);
  }
  for (int v = 0; v < Vectors; v++) {
    Floats all = at<Floats>(sums + v * float_lanes);
    for (int set = 0; set < sets; set++) {
      all += sum[set][v];
    }
    put(sums + v * float_lanes, all);
  }
}

template <typename E, int Vectors>
void sparse_strip(const coppice_weights& weights, const float* x, int64_t first, int64_t end,
                  float* sums) {
  constexpr int64_t lanes = Vectors * float_lanes;
  constexpr int64_t columns = columns_of(lanes);
  Progress next;
  for (int64_t row = first; row < end; row++) {
    next[row - first] = first_value(weights, row);
  }
  for (int64_t c = 0; c < weights.in; c += columns) {
    int64_t c_end = c + columns < weights.in ? c + columns : weights.in;
    for (int64_t row = first; row < end; row++) {
      Stored stored;
      find<E>(weights, row, c, c_end, next[row - first], stored);
      add_stored<Vectors>(stored, x + c * lanes, sums + (row - first) * lanes);
    }
  }
}

}  // namespace coppice::COPPICE_ISA
