// threshold: which keys go, which stay, and which are open, in each scope (SPEC.md, "Order" and "Count").
//
//   COARSE  k = count, or rint(fraction * (elements - nans)), one product, half to even
//   FINE    k = scope.go, of the keys in [scope.low, scope.high)
//   bin     the first one with k <= counts[0] + ... + counts[bin]
//   keys below the bin's go; open = counts[bin], of which go = k less those below go
//
// Where nothing is open low == high and open == go == 0: k is 0 (low = 0), or all numbers (low = 2^32),
// or go == open (low = the bin's end). Open elements stand in the list scope after scope: scope.list is how many
// are open in the scopes before.
//
// Bytes: 8 a bin read, 8 a scope written; four rounds in which each of 32 warps adds up one of 32 parts of
// the bins that are left, so 32768 bins cost 256 KiB of one multiprocessor's loads.
// Launch: 1024 threads a scope; the block that is done last adds up the list.
#include "threshold.cuh"

#include <cmath>

#include "slices.cuh"

extern __shared__ uint4 coppice_shared[];

namespace threshold {

using slices::ALL;
using slices::WARP;

struct Shared {
  unsigned long long part[WARP];
  unsigned long long before;
  unsigned chosen;
  unsigned done;  // blocks before this one
};
static_assert(sizeof(Shared) <= THRESHOLD_SHARED);

// Adds up a warp's share of the counts [begin, end).
__device__ inline unsigned long long sum(const unsigned long long* counts, unsigned begin, unsigned end) {
  unsigned long long sum = 0;
#pragma unroll 8
  for (unsigned i = begin + threadIdx.x % WARP; i < end; i += WARP) {
    sum += counts[i];
  }
  return slices::warp_sum(sum);
}

struct Bin {
  unsigned index;
  unsigned long long before;  // keys in the bins before it
  unsigned long long count;
};

// The first bin with which k or more keys are counted; there is one, and k is not 0. For whole blocks.
__device__ inline Bin find_bin(const unsigned long long* counts, unsigned bins, unsigned long long k,
                               Shared& shared) {
  Bin found = {0, 0, 0};
  for (unsigned left = bins; left > 0;) {
    const unsigned step = (left + WARP - 1) / WARP;
    const unsigned warp = threadIdx.x / WARP;
    const unsigned begin = min(warp * step, left);
    const unsigned long long part =
        sum(counts, found.index + begin, found.index + min(begin + step, left));
    if (threadIdx.x % WARP == 0) {
      shared.part[warp] = part;
    }
    __syncthreads();
    if (warp == 0) {
      const unsigned long long count = shared.part[threadIdx.x];
      const unsigned long long upto = found.before + slices::warp_scan(count);
      if (upto >= k && upto - count < k) {
        shared.chosen = threadIdx.x;
        shared.before = upto - count;
      }
    }
    __syncthreads();
    found.index += shared.chosen * step;
    found.before = shared.before;
    found.count = shared.part[shared.chosen];
    left = step == 1 ? 0 : min(step, left - shared.chosen * step);
    __syncthreads();
  }
  return found;
}

__device__ inline void close(Scope& scope, unsigned long long low) {
  scope.low = low;
  scope.high = low;
  scope.open = 0;
  scope.go = 0;
}

// Writes what the bin [low, high) decides; k is counted from the same key as found.before.
__device__ inline void decide(Scope& scope, unsigned long long low, unsigned long long high, const Bin& found,
                              unsigned long long k) {
  const unsigned long long go = k - found.before;
  if (go == found.count) {
    close(scope, high);
    return;
  }
  scope.low = low;
  scope.high = high;
  scope.open = found.count;
  scope.go = go;
}

__device__ inline void decide_coarse(const ThresholdParameters& p, Scope& scope,
                                     const unsigned long long* counts, Shared& shared) {
  const unsigned long long numbers = scope.elements - scope.nans;
  const unsigned long long k =
      scope.fraction < 0 ? scope.count
                         : static_cast<unsigned long long>(rint(scope.fraction * static_cast<double>(numbers)));
  const bool refused = k > numbers || (p.refuse_nans != 0 && scope.nans != 0);
  const bool some = !refused && k != 0 && k != numbers;
  const Bin found = some ? find_bin(counts, p.scope_bins, k, shared) : Bin{0, 0, 0};
  if (threadIdx.x != 0) {
    return;
  }
  if (refused) {
    atomicExch(&p.state->refused, 1U);
  }
  if (some) {
    const unsigned long long low = static_cast<unsigned long long>(found.index) << p.shift;
    decide(scope, low, low + (1ULL << p.shift), found, k);
  } else {
    close(scope, refused || k == 0 ? 0 : 1ULL << 32);
  }
}

__device__ inline void decide_fine(const ThresholdParameters& p, Scope& scope, const unsigned long long* counts,
                                   Shared& shared) {
  if (scope.low == scope.high) {
    return;
  }
  const unsigned long long k = scope.go;
  const unsigned long long low = scope.low;
  const Bin found = find_bin(counts, p.scope_bins, k, shared);
  if (threadIdx.x == 0) {
    decide(scope, low + found.index, low + found.index + 1, found, k);
  }
}

// Gives each scope its place in the list; asked by the block that is done last.
__device__ inline void place(const ThresholdParameters& p, Shared& shared) {
  unsigned long long listed = 0;
  for (unsigned base = 0; base < p.scope_count; base += THRESHOLD_THREADS) {
    const unsigned scope = base + threadIdx.x;
    const unsigned warp = threadIdx.x / WARP;
    // Other blocks wrote it: not from a cache.
    const unsigned long long open =
        scope < p.scope_count ? *const_cast<volatile unsigned long long*>(&p.scopes[scope].open) : 0;
    const unsigned long long upto = slices::warp_scan(open);
    if (threadIdx.x % WARP == WARP - 1) {
      shared.part[warp] = upto;
    }
    __syncthreads();
    const unsigned long long parts = slices::warp_scan(shared.part[threadIdx.x % WARP]);
    const unsigned long long before = warp == 0 ? 0 : __shfl_sync(ALL, parts, warp - 1);
    if (scope < p.scope_count) {
      p.scopes[scope].list = listed + before + upto - open;
    }
    listed += __shfl_sync(ALL, parts, WARP - 1);
    __syncthreads();
  }
  if (threadIdx.x == 0 && p.level == Level::COARSE && p.exact == 0) {
    p.state->listed = listed;
    p.state->swept = listed > p.capacity ? 1 : 0;
  }
}

__device__ inline void run(const ThresholdParameters& p) {
  auto& shared = *reinterpret_cast<Shared*>(coppice_shared);
  // Another block may refuse at this moment: the threads must agree, and each block takes its ticket.
  const bool needed = __syncthreads_and(slices::needed(*p.state, p.when) ? 1 : 0) != 0;
  for (unsigned i = blockIdx.x; needed && i < p.scope_count; i += gridDim.x) {
    const unsigned long long* counts = p.counts + static_cast<unsigned long long>(i) * p.scope_bins;
    if (p.level == Level::COARSE) {
      decide_coarse(p, p.scopes[i], counts, shared);
    } else {
      decide_fine(p, p.scopes[i], counts, shared);
    }
  }
  if (threadIdx.x == 0) {
    __threadfence();
    shared.done = atomicAdd(p.ticket, 1U);
    __threadfence();
  }
  __syncthreads();
  if (shared.done == gridDim.x - 1) {
    if (needed) {
      place(p, shared);
    }
    if (threadIdx.x == 0) {
      *p.ticket = 0;
    }
  }
}

}  // namespace threshold

extern "C" __global__ void __launch_bounds__(1024) coppice_threshold(const ThresholdParameters p) {
  threshold::run(p);
}
