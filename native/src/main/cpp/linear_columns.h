// y[b, o] = sum over c of W[o, c] * x[b, c] for many rows of x, which lie side by side: the inputs
// of a column are 1 to 8 vectors. A stored weight is read once for all of them, multiplied with
// them, and nothing is done for those that are not stored: 1 to 8 FMAs a stored weight.
//
// Blocks of columns whose inputs stay in the first-level cache; strips of rows whose sums stay in
// the second level.
#pragma once

#include "linear.h"
#include "places.h"

namespace coppice::COPPICE_ISA {

inline constexpr int64_t most_block_columns = 512;

inline constexpr int64_t columns_of(int64_t lanes) {
  int64_t fitting = 8192 / lanes / 64 * 64;  // 32 KiB
  return fitting < 64 ? 64 : fitting > most_block_columns ? most_block_columns : fitting;
}

// The stored weights of some rows within a block of columns, one after the other. They are found
// first and added then: additions wait for the places, and guessed wrongly where a row ends they
// would wait for everything.
inline constexpr int rows_found = 8;

struct Found {
  int64_t begin[rows_found + 1];
  uint16_t column[rows_found * most_block_columns + 64];
  float weight[rows_found * most_block_columns + 64];
};

// Appends the places of the bits of a word; writes up to 64 of them.
COPPICE_INLINE int64_t append_bits(uint64_t word, int64_t c, uint16_t* to) {
#if defined(COPPICE_LANES_AVX512)
  for (int half = 0; half < 2; half++) {
    auto bits = static_cast<__mmask32>(word >> (32 * half));
    Vector<int16_t> places = iota<int16_t>() + static_cast<int16_t>(c + 32 * half);
    asm("vpcompressw %0, %0%{%1%}%{z%}" : "+v"(places) : "Yk"(bits));
    std::memcpy(to, &places, sizeof places);
    to += __builtin_popcount(bits);
  }
#else
  uint64_t left = word;
  for (int64_t i = 0; left != 0; left &= left - 1) {
    to[i++] = static_cast<uint16_t>(c + __builtin_ctzll(left));
  }
#endif
  return __builtin_popcountll(word);
}

// Writes the sixteen places of a row of a tile of 2:4.
COPPICE_INLINE void append_tile(uint64_t tile, int half, int64_t c, uint16_t* to) {
#if defined(COPPICE_LANES_AVX512)
  __m512i places = _mm512_add_epi32(Places(tile, half, 0).order,
                                    _mm512_set1_epi32(static_cast<int32_t>(c)));
  __m256i narrow = _mm512_maskz_cvtepi32_epi16(0xFFFF, places);
  std::memcpy(to, &narrow, sizeof narrow);
#else
  for (int i = 0; i < 16; i++) {
    uint64_t place = tile >> (i / 8 * 32 + half * 16 + i % 8 * 2) & 3;
    to[i] = static_cast<uint16_t>(c + i / 2 * 4 + static_cast<int64_t>(place));
  }
#endif
}

// Finds a row's places from column first to end - 1; gives how many.
COPPICE_INLINE int64_t find_places(const coppice_weights& weights, int64_t row, int64_t first,
                                   int64_t end, int64_t next, uint16_t* to) {
  const char* index = static_cast<const char*>(weights.index);
  int64_t count = 0;
  if (weights.format == COPPICE_BITMAP) {
    const char* bits = index + row * bits_stride(weights);
    for (int64_t c = first; c < end; c += 64) {
      count += append_bits(at<uint64_t>(bits + c / 8), c - first, to + count);
    }
  } else if (weights.format == COPPICE_TWO_FOUR) {
    int64_t tiles = (weights.in + 31) / 32;
    const char* positions = index + row / 16 * tiles * 64 + row % 8 * 8;
    int half = static_cast<int>(row % 16 / 8);
    for (int64_t c = first; c < end; c += 32) {
      append_tile(at<uint64_t>(positions + c / 32 * 64), half, c - first, to + (c - first) / 2);
    }
    count = (end - first) / 2;
  } else {
    int64_t last = at<int32_t>(static_cast<const char*>(weights.offsets) + (row + 1) * 4);
    for (int64_t i = next; i < last && at<int32_t>(index + i * 4) < end; i++) {
      to[count++] = static_cast<uint16_t>(at<int32_t>(index + i * 4) - first);
    }
  }
  return count;
}

// Where a row's values begin; beyond the last row: how many there are.
COPPICE_INLINE int64_t first_value(const coppice_weights& weights, int64_t row) {
  if (weights.format == COPPICE_BITMAP) {
    return offset_of(weights, row);
  }
  return weights.format == COPPICE_TWO_FOUR
             ? (row == weights.out ? (row + 15) / 16 * 16 : row) * ((weights.in + 31) / 32 * 16)
             : at<int32_t>(static_cast<const char*>(weights.offsets) + row * 4);
}

// Adds stored weights times their inputs to a row's sums. Few vectors have several sums each,
// since additions take time.
template <int Vectors>
void add_stored(const uint16_t* column, const char* weight, int64_t count, const float* x,
                float* sums) {
  constexpr int sets = Vectors <= 2 ? 4 : Vectors <= 4 ? 2 : 1;
  constexpr int64_t lanes = Vectors * float_lanes;
  Floats sum[sets][Vectors];
  for (int v = 0; v < Vectors; v++) {
    sum[0][v] = at<Floats>(sums + v * float_lanes);
    for (int set = 1; set < sets; set++) {
      sum[set][v] = broadcast(0);
    }
  }
  int64_t i = 0;
  for (; i + sets <= count; i += sets) {
    for (int set = 0; set < sets; set++) {
      Floats w = broadcast(at<float>(weight + (i + set) * 4));
      const float* inputs = x + column[i + set] * lanes;
      for (int v = 0; v < Vectors; v++) {
        sum[set][v] = fma(w, at<Floats>(inputs + v * float_lanes), sum[set][v]);
      }
    }
  }
  for (; sets > 1 && i < count; i++) {
    Floats w = broadcast(at<float>(weight + i * 4));
    const float* inputs = x + column[i] * lanes;
    for (int v = 0; v < Vectors; v++) {
      sum[0][v] = fma(w, at<Floats>(inputs + v * float_lanes), sum[0][v]);
    }
  }
  for (int v = 0; v < Vectors; v++) {
    for (int set = 1; set < sets; set++) {
      sum[0][v] += sum[set][v];
    }
    put(sums + v * float_lanes, sum[0][v]);
  }
}

template <typename E, int Vectors>
void sparse_strip(const coppice_weights& weights, const float* x, int64_t first, int64_t end,
                  float* sums) {
  constexpr int64_t lanes = Vectors * float_lanes;
  constexpr int64_t columns = columns_of(lanes);
  int64_t next[strip_of_linear];  // Where the rows have got to, in elements of their values.
  for (int64_t row = first; row < end; row++) {
    next[row - first] = first_value(weights, row);
  }
  int64_t values = first_value(weights, weights.out);
  for (int64_t c = 0; c < weights.in; c += columns) {
    int64_t c_end = c + columns < weights.in ? c + columns : weights.in;
    for (int64_t row = first; row < end; row += rows_found) {
      int64_t rows = end - row < rows_found ? end - row : rows_found;
      Found found;
      int64_t all = 0;
      const char* weight[rows_found];
      for (int64_t r = 0; r < rows; r++) {
        int64_t& at_value = next[row + r - first];
        const char* from = static_cast<const char*>(weights.values) + at_value * E::size;
        int64_t count = find_places(weights, row + r, c, c_end, at_value, found.column + all);
        at_value += count;
        if constexpr (E::size == sizeof(float)) {
          weight[r] = from;
        } else {
          float* to = found.weight + all;
          weight[r] = reinterpret_cast<const char*>(to);
          // Whole vectors, unless the values end there.
          int64_t whole = (count + float_lanes - 1) / float_lanes * float_lanes;
          widen<E>(from, at_value - count + whole <= values ? whole : count, to);
        }
        found.begin[r] = all;
        all += count;
      }
      found.begin[rows] = all;
      for (int64_t r = 0; r < rows; r++) {
        add_stored<Vectors>(found.column + found.begin[r], weight[r],
                            found.begin[r + 1] - found.begin[r], x + c * lanes,
                            sums + (row + r - first) * lanes);
      }
    }
  }
}

}  // namespace coppice::COPPICE_ISA
