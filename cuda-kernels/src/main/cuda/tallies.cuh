// What became of the elements of one tensor, counted in registers over the tiles that a block takes.
#pragma once
#include "slices.cuh"

namespace tallies {

struct Counts {
  unsigned tensor = 0;
  unsigned pruned = 0;
  unsigned newly_zero = 0;
  unsigned zeros = 0;
};

// Adds the counts to their tensor's; for whole warps.
__device__ inline void add(Tally* all, Counts& counts) {
  const unsigned pruned = slices::warp_sum(counts.pruned);
  const unsigned newly_zero = slices::warp_sum(counts.newly_zero);
  const unsigned zeros = slices::warp_sum(counts.zeros);
  if (threadIdx.x % slices::WARP == 0 && (pruned | zeros) != 0) {
    Tally& tally = all[counts.tensor];
    atomicAdd(&tally.pruned, static_cast<unsigned long long>(pruned));
    atomicAdd(&tally.newly_zero, static_cast<unsigned long long>(newly_zero));
    atomicAdd(&tally.zeros, static_cast<unsigned long long>(zeros));
  }
  counts = {counts.tensor, 0, 0, 0};
}

// Goes on counting for another tensor.
__device__ inline void turn_to(Tally* all, Counts& counts, unsigned tensor) {
  if (counts.tensor != tensor) {
    add(all, counts);
    counts.tensor = tensor;
  }
}

}  // namespace tallies
