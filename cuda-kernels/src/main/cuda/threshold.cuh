// What coppice_threshold is given (threshold.cu).
#pragma once
#include "histogram.cuh"

constexpr unsigned THRESHOLD_THREADS = 1024;
constexpr unsigned THRESHOLD_SHARED = 512;  // bytes of dynamic shared memory
// Any number of blocks is correct; one a scope is best.
struct ThresholdParameters {
  Scope* scopes;                     // low, high, open, go and list are written
  State* state;                      // refused; at COARSE, unless exact, listed and swept too
  const unsigned long long* counts;  // [scopes][scope_bins], what the histogram or refine_count counted
  unsigned* ticket;                  // 0 before and after
  unsigned long long capacity;       // of the list, in elements; 0: there is none
  unsigned scope_count;
  unsigned scope_bins;
  unsigned shift;                    // COARSE
  Level level;
  When when;
  unsigned refuse_nans;              // 1: a scope with a NaN is refused
  unsigned exact;                    // 1: all keys are multiples of 1 << shift, so that COARSE decides: no list
  unsigned reserved;
};
static_assert(sizeof(ThresholdParameters) == 72);
