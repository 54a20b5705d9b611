// What coppice_refine_count and coppice_refine_apply are given (refine.cu).
#pragma once
#include "apply.cuh"

constexpr unsigned REFINE_THREADS = 256;
constexpr unsigned REFINE_SHARED = 256;  // bytes of dynamic shared memory of coppice_refine_apply; count: 0
constexpr unsigned REFINE_TILE = 1024;   // elements of the list that a block of coppice_refine_apply takes
// Any number of blocks is correct. Both do nothing unless the list holds all open elements
// (When::LISTED). Between them coppice_threshold runs at FINE.
struct RefineParameters {
  const OpenElement* list;     // state->listed elements
  const Slice* slices;
  const Scope* scopes;
  Tally* tallies;              // refine_apply: pruned, newly_zero and zeros are added to
  const State* state;
  unsigned long long* counts;  // refine_count: [scopes][scope_bins]; added to
  unsigned long long* status;  // refine_apply: 1 + ceil(capacity / REFINE_TILE) words, 0 before the launch
  unsigned scope_bins;
  unsigned reserved;
};
static_assert(sizeof(RefineParameters) == 64);
