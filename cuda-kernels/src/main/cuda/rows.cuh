// What the kernels of rows.cu are told. Java writes this struct field by field.
#pragma once
#include "tables.cuh"

constexpr unsigned ROWS_HEADER_BYTES = 64;  // shared memory of a block, whatever the variant
constexpr unsigned ROW_BYTES = 1200;        // and for each row selected at once: warp, block
constexpr unsigned LONG_ROW_BYTES = 2352;   //   global

struct RowsParameters {
  const Slice* slices;
  Tally* tallies;
  State* state;              // refused is set where `count` exceeds the numbers of a row
  unsigned long long tiles;  // of all slices together
  unsigned long long seed;   // Ranking::PHILOX
  double fraction;           // of a row's numbers; negative: `count` is given
  unsigned long long count;
  unsigned slice_count;
  Ranking ranking;
  unsigned keep_nan;         // 0: a row with a NaN stays as it was; 1: a NaN stays and does not count
  unsigned reserved;
};
static_assert(sizeof(RowsParameters) == 72);
