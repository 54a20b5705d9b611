// What became of the elements of one tensor, counted in registers over the tiles that a block takes.
#pragma once
#include "slices.cuh"

namespace tallies {

struct Counts {
  unsigned slice = 0;  // of the tensor
  unsigned pruned = 0;
  unsigned newly_zero = 0;
  unsigned zeros = 0;
};

// Adds the counts to their tensor's; for whole warps.
__device__ inline void add(Tally* all, const Slice* slices, const Counts& counts) {
  const unsigned pruned = ::slices::warp_sum(counts.pruned);
  const unsigned newly_zero = ::slices::warp_sum(counts.newly_zero);
  const unsigned zeros = ::slices::warp_sum(counts.zeros);
  if (threadIdx.x % ::slices::WARP == 0 && (pruned | zeros) != 0) {
    Tally& tally = all[slices[counts.slice].tensor];
    atomicAdd(&tally.pruned, static_cast<unsigned long long>(pruned));
    atomicAdd(&tally.newly_zero, static_cast<unsigned long long>(newly_zero));
    atomicAdd(&tally.zeros, static_cast<unsigned long long>(zeros));
  }
}

// Goes on counting in another slice.
__device__ inline void turn_to(Tally* all, const Slice* slices, Counts& counts, unsigned slice) {
  if (slices[counts.slice].tensor != slices[slice].tensor) {
    add(all, slices, counts);
    counts = {};
  }
  counts.slice = slice;
}

}  // namespace tallies
