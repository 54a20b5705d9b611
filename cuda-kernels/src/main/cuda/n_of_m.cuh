// What the kernels of n_of_m.cu are told. Java writes this struct field by field.
#pragma once
#include "tables.cuh"

// The elements that a block of coppice_n_of_m takes at a time, at most.
constexpr unsigned GROUPS_TILE = 4096;

struct NOfMParameters {
  const Slice* slices;
  Tally* tallies;
  unsigned long long tiles;  // of all slices together
  unsigned long long seed;   // Ranking::PHILOX
  unsigned slice_count;
  unsigned n;                // 1 <= n < m <= 32; 2 in coppice_n_of_m_2_4
  unsigned m;                //   4
  Ranking ranking;           //   MAGNITUDE
  unsigned keep_nan;         // 0: a group with a NaN stays as it was; 1: a NaN is one of the n
  unsigned reserved;
};
static_assert(sizeof(NOfMParameters) == 56);
