// What coppice_histogram_magnitude, _philox and _scores are given (histogram.cu).
#pragma once
#include "tables.cuh"

// Which keys the bins divide.
enum class Level : unsigned {
  COARSE = 0,  // all of them: bin = key >> shift, with the ranking's shift
  FINE = 1,    // those that are open in their scope: bin = key - scope.low; scopes without are skipped
};

// Magnitudes and scores have 2^31 keys, random numbers 2^32: either way 2^15 coarse bins, and as many fine
// ones as a coarse bin has keys.
constexpr unsigned MAGNITUDE_SHIFT = 16;
constexpr unsigned PHILOX_SHIFT = 17;
constexpr unsigned COARSE_BINS = 32768;

// With all coarse bins go counters for zeros, one a lane.
constexpr unsigned ZERO_COUNTERS = 32;

constexpr unsigned HISTOGRAM_THREADS = 1024;
// Dynamic shared memory: 4 * bins bytes, 4 * ZERO_COUNTERS more where bins is COARSE_BINS. Any number of blocks is correct; one a multiprocessor is best.
struct HistogramParameters {
  const Slice* slices;           // those of a scope side by side, in position order
  Scope* scopes;                 // low and high are read at FINE; nans is added to
  Tally* tallies;                // nans and first_nan are added to
  const State* state;
  unsigned long long* counts;    // [scopes][scope_bins]; added to, never cleared
  unsigned long long tiles;      // of all slices: first_tile and tiles of the last one
  unsigned long long seed;       // _philox
  unsigned slice_count;
  unsigned scope_bins;           // bins of a scope: COARSE_BINS, or 1 << the ranking's shift at FINE
  unsigned first_bin;            // this launch counts the bins first_bin to first_bin + bins - 1: where shared
  unsigned bins;                 //   memory is small, one launch after the other counts them all. Only the one
                                 //   with first_bin == 0 at COARSE counts NaNs
  Level level;
  When when;
};
static_assert(sizeof(HistogramParameters) == 80);
