// The operations of one instruction set.
#pragma once

#include "coppice.h"

namespace coppice {

struct Kernels {
  decltype(&coppice_histogram) histogram;
  decltype(&coppice_apply) apply;
  decltype(&coppice_select_n_of_m) select_n_of_m;
  decltype(&coppice_select_rows) select_rows;
  decltype(&coppice_slice_sums) slice_sums;
  decltype(&coppice_linear_inputs) linear_inputs;
  decltype(&coppice_linear) linear;
  decltype(&coppice_read) read;
};

#define COPPICE_DECLARE(isa)                                                                    \
  namespace isa {                                                                               \
  void histogram(const void*, const coppice_slice*, const coppice_window*, uint32_t*,           \
                 coppice_census*);                                                              \
  void apply(void*, const coppice_slice*, int64_t, int64_t, coppice_tally*);                    \
  void select_n_of_m(void*, const coppice_slice*, int32_t, int32_t, int32_t, int32_t, void*,    \
                     coppice_tally*);                                                           \
  int64_t select_rows(void*, const coppice_slice*, int32_t, int32_t, int32_t, double, int64_t,  \
                      int32_t, void*, coppice_tally*);                                          \
  void slice_sums(const void*, const coppice_slice*, int32_t, int32_t, int32_t, int32_t,        \
                  int32_t, double*);                                                            \
  void linear_inputs(const coppice_weights*, const void*, int64_t, int64_t, int64_t, void*);    \
  void linear(const coppice_weights*, const void*, int64_t, int64_t, int64_t, void*, void*);    \
  int64_t read(const void*, int64_t);                                                           \
  inline constexpr Kernels kernels = {histogram,   apply,      select_n_of_m,                   \
                                      select_rows, slice_sums, linear_inputs,                   \
                                      linear,      read};                                       \
  }

COPPICE_DECLARE(baseline)
#if defined(__x86_64__)
COPPICE_DECLARE(avx2)
COPPICE_DECLARE(avx512)
#endif

#undef COPPICE_DECLARE

// Rows that are not contiguous are copied this many at a time.
inline constexpr int64_t strip_rows = 32;

// Room behind and between copied rows, in elements: two cache lines of 4-byte elements.
inline constexpr int64_t row_padding = 32;

// The copied elements, their random words, and two lists of keys.
inline int64_t scratch_bytes(const coppice_slice& slice) {
  int64_t size = slice.dtype == COPPICE_F32 ? 4 : 2;
  int64_t keys = slice.ranking == COPPICE_PHILOX ? 3 * 4 : 2 * size;
  return (size + keys) * (slice.runs * slice.run_length + strip_rows * row_padding);
}

// Columns of a row of x: as many as a row of a bitmap has bits, a multiple of a tile of 2:4.
inline constexpr int64_t inputs_stride(int64_t in) { return (in + 127) / 128 * 128; }

// Rows of W whose sums for many rows of x are kept at once; a multiple of a register tile's.
inline constexpr int64_t strip_of_linear = 240;

// Up to so many rows of x always lie as they come, and more never do (linear.cpp).
inline constexpr int64_t always_single_rows = 3;
inline constexpr int64_t most_single_rows = 8;

// The most lanes that a block of rows of x has in any instruction set.
inline constexpr int64_t most_lanes = 128;

}  // namespace coppice
