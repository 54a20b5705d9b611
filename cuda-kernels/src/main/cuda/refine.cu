// refine: what becomes of the open elements that apply.cu put on the list.
//
//   count  counts[scope][key - scope.low] += 1; then threshold.cu, at FINE, knows the scope's last key that goes
//   apply  keys below scope.low go, those from scope.high on stay, of those between the first open - go stay
//
// Bytes an element of the list: 16 read twice; count adds 8 a run of equal keys in a warp, so that a list of ties
// does not wait for one address; apply reads a weight, and writes one and a bit of the mask, wherever they are.
// Launch: 256 threads, persistent. Apply takes tiles of 1024 elements, a warp's 4 rows side by side, and ranks
// the open ones by look-back over the whole list: scope.list is how many are open in the scopes before.
#include "refine.cuh"

#include "lookback.cuh"
#include "tallies.cuh"

extern __shared__ uint4 coppice_shared[];

namespace refine {

using slices::ALL;
using slices::WARP;

static_assert(sizeof(lookback::Ranks) <= REFINE_SHARED);

constexpr unsigned ROWS = REFINE_TILE / REFINE_THREADS;  // of a warp

__device__ inline void count(const RefineParameters& p) {
  if (!slices::needed(*p.state, When::LISTED)) {
    return;
  }
  const unsigned long long listed = p.state->listed;
  const unsigned long long threads = static_cast<unsigned long long>(gridDim.x) * REFINE_THREADS;
  // Whole warps go round together.
  for (unsigned long long i = blockIdx.x * static_cast<unsigned long long>(REFINE_THREADS) + threadIdx.x;
       i - threadIdx.x % WARP < listed; i += threads) {
    unsigned long long bin = ~0ULL;
    if (i < listed) {
      const OpenElement element = p.list[i];
      const unsigned scope = p.slices[element.slice].scope;
      bin = static_cast<unsigned long long>(scope) * p.scope_bins +
            (element.key - static_cast<unsigned>(p.scopes[scope].low));
    }
    const unsigned same = __match_any_sync(ALL, bin);
    if (i < listed && threadIdx.x % WARP == static_cast<unsigned>(__ffs(same)) - 1) {
      atomicAdd(&p.counts[bin], static_cast<unsigned long long>(__popc(same)));
    }
  }
}

template <typename B>
__device__ inline bool zero(const Slice& slice, unsigned long long element) {
  const bool was_zero = is_zero(static_cast<const B*>(slice.weights)[element]);
  if (slice.pruned != nullptr) {
    static_cast<B*>(slice.pruned)[element] = 0;
  }
  return was_zero;
}

// Prunes one element.
__device__ inline void prune(const RefineParameters& p, const OpenElement& open, tallies::Counts& counts) {
  const Slice& slice = p.slices[open.slice];
  const bool was_zero =
      slice.bytes == 2 ? zero<uint16_t>(slice, open.element) : zero<uint32_t>(slice, open.element);
  if (slice.mask != nullptr) {
    atomicAnd(&slice.mask[open.element / 32], ~(1U << open.element % 32));
  }
  const unsigned newly_zero = was_zero ? 0 : 1;  // apply.cu counted those that were zero among the zeros
  if (slice.tensor == p.slices[counts.slice].tensor) {
    counts.pruned += 1;
    counts.newly_zero += newly_zero;
    counts.zeros += newly_zero;
  } else {
    Tally& tally = p.tallies[slice.tensor];
    atomicAdd(&tally.pruned, 1ULL);
    atomicAdd(&tally.newly_zero, 0ULL + newly_zero);
    atomicAdd(&tally.zeros, 0ULL + newly_zero);
  }
}

// Takes the tile's elements from `first` on.
__device__ inline void prune_tile(const RefineParameters& p, unsigned long long tile, lookback::Ranks& ranks,
                                  tallies::Counts& counts) {
  const unsigned long long listed = p.state->listed;
  const unsigned warp = threadIdx.x / WARP;
  const unsigned lane = threadIdx.x % WARP;
  const unsigned long long first = tile * REFINE_TILE + warp * ROWS * WARP + lane;
  OpenElement open[ROWS];
  unsigned tied = 0;  // bit i: row i's element lies between low and high
  unsigned goes = 0;
  unsigned before[ROWS];
#pragma unroll
  for (unsigned i = 0; i < ROWS; i++) {
    if (first + i * WARP < listed) {
      open[i] = p.list[first + i * WARP];
      const Scope& scope = p.scopes[p.slices[open[i].slice].scope];
      goes |= open[i].key < scope.low ? 1U << i : 0;
      tied |= open[i].key >= scope.low && open[i].key < scope.high ? 1U << i : 0;
    }
    const unsigned row = __ballot_sync(ALL, (tied >> i & 1U) != 0);
    before[i] = __popc(row & ((1U << lane) - 1));
    if (lane == 0) {
      ranks.row[warp * ROWS + i] = __popc(row);
    }
  }
  lookback::ask(ranks, p.status);
  const unsigned long long start = 0;
  lookback::rank_rows(ranks, p.status, tile, tile == 0, &start, nullptr);
#pragma unroll
  for (unsigned i = 0; i < ROWS; i++) {
    if ((tied >> i & 1U) != 0) {
      const Scope& scope = p.scopes[p.slices[open[i].slice].scope];
      const unsigned long long rank = ranks.before + ranks.row[warp * ROWS + i] + before[i] - scope.list;
      goes |= rank >= scope.open - scope.go ? 1U << i : 0;
    }
    if ((goes >> i & 1U) != 0) {
      prune(p, open[i], counts);
    }
  }
}

__device__ inline void apply(const RefineParameters& p) {
  if (!slices::needed(*p.state, When::LISTED)) {
    return;
  }
  auto& ranks = *reinterpret_cast<lookback::Ranks*>(coppice_shared);
  tallies::Counts counts;
  lookback::ask(ranks, p.status);
  const unsigned long long tiles = (p.state->listed + REFINE_TILE - 1) / REFINE_TILE;
  for (unsigned long long tile; (tile = lookback::take(ranks)) < tiles;) {
    tallies::turn_to(p.tallies, p.slices, counts, p.list[tile * REFINE_TILE].slice);
    prune_tile(p, tile, ranks, counts);
  }
  tallies::add(p.tallies, p.slices, counts);
}

}  // namespace refine

extern "C" __global__ void __launch_bounds__(256) coppice_refine_count(const RefineParameters p) {
  refine::count(p);
}

extern "C" __global__ void __launch_bounds__(256, 4) coppice_refine_apply(const RefineParameters p) {
  refine::apply(p);
}
