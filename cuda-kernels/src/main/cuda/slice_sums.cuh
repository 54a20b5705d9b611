// What coppice_slice_sums is given (slice_sums.cu).
#pragma once
#include "tables.cuh"

// How the bits of an element are read.
enum class Element : unsigned { F32 = 0, F16 = 1, BF16 = 2 };

constexpr unsigned SUM_CHUNK = 8192;
constexpr unsigned SUMS_THREADS = 256;
constexpr unsigned SUMS_SHARED = 8448;
// Rows whose runs are shorter than this are added up side by side.
constexpr unsigned SHORT_RUN = 8;

// The elements are an array [outer, rows, inner]; element (o, r, i) lies at o * stride + r * inner + i and is
// number o * inner + i of row r. Numbers [from, to) of every row are cut into chunks of SUM_CHUNK.
struct SliceSumsParameters {
  const void* elements;
  double* sums;                   // [rows][chunks]
  unsigned long long* first_nan;  // lowered to where a NaN lies; all ones before
  unsigned long long rows;
  unsigned long long inner;       // 1 or more
  unsigned long long stride;
  unsigned long long from;
  unsigned long long to;
  Element element;
  unsigned squares;               // 0: absolute values are added up
};
static_assert(sizeof(SliceSumsParameters) == 72);
