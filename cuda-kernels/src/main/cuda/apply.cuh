// What coppice_apply_magnitude, _philox and _scores are given (apply.cu).
#pragma once
#include "tables.cuh"

enum class Mode : unsigned {
  COLLECT = 0,  // open elements stay for the moment and go on the list
  EXACT = 1,    // an open element stays if fewer than open - go open ones stand before it in its scope
};

// An element whose key lies between low and high of its scope.
struct OpenElement {
  unsigned long long element;  // of its slice
  unsigned key;
  unsigned slice;
};
static_assert(sizeof(OpenElement) == 16);

constexpr unsigned APPLY_THREADS = 256;
constexpr unsigned APPLY_SHARED = 6400;  // bytes of dynamic shared memory
// Any number of blocks is correct; as many as the device holds at once are best.
struct ApplyParameters {
  const Slice* slices;
  Scope* scopes;               // passed is read and written: 0 before the first launch of a call
  Tally* tallies;              // pruned, newly_zero and zeros are added to
  const State* state;
  OpenElement* list;           // COLLECT: that of scope s begins at scopes[s].list, in position order
  unsigned long long* status;  // 1 + tiles words, 0 before each launch
  unsigned long long tiles;
  unsigned long long seed;     // _philox
  unsigned slice_count;
  Mode mode;                   // COLLECT does nothing where state.swept is set, whatever `when` says
  When when;
  unsigned reserved;
};
static_assert(sizeof(ApplyParameters) == 80);
