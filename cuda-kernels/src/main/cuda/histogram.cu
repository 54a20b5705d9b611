// histogram: how many keys of each scope fall into each bin (SPEC.md, "Key"), over many slices in a launch.
//
//   COARSE  bin = key >> shift          shift 16, for random keys 17: 32768 bins
//   FINE    bin = key - scope.low       of the keys in [scope.low, scope.high) alone
//   NaN     in no bin; counted in its scope and its tensor, with the index of the tensor's first
//
// Bytes an element: 2 or 4 read, with scores 4 more; nothing written but counts. Random keys are computed
// where they are counted: no score is in memory.
// Launch: 1024 threads, 4 * bins bytes of shared memory for a private histogram: 128 KiB for all coarse bins,
// so one block a multiprocessor, persistent. Where that does not fit, several launches count a window of the
// bins each, at the price of a read each. A block walks one run of tiles, so that it meets as few scopes as
// there can be, and adds its non-zero counters to global memory when the scope changes and at the end.
//
// What bounds it (sm_90): at 4.3 TB/s each of 132 multiprocessors gets 8 BF16 elements a cycle at 1.98 GHz, its
// four schedulers issue 128 lanes' instructions: 15 an element. The loop has 8: extract, test for NaN, test for
// zero, bin, choose, address, add, and its share of loads. Adding 1 to shared memory is ATOMS.POPC.INC,
// without a branch; what is left to hope for is that it takes lanes with the same address together, as Gaussian
// weights fall into a few hundred bins, and neighbouring bins lie in different banks. Zeros, which would all
// meet in one bin, have a counter for each bank. Random keys cost 20 instructions an element more, F16
// among F32 10. In flight: 4 loads of 16 bytes a thread, 64 KiB a multiprocessor.
#include "histogram.cuh"

#include "ranking.cuh"

extern __shared__ uint4 coppice_shared[];

namespace histogram {

using slices::ALL;
using slices::Bits;
using slices::LANES;
using slices::TILE_VECTORS;

// As many tiles, of at most 2^14 elements, as 32-bit counters can count.
constexpr unsigned MOST_TILES = 1U << 17;

// The bins that a launch counts in one scope. What they are is left to the compiler where it is all of them.
struct Window {
  unsigned shift;
  unsigned first;  // of key >> shift
  unsigned bins;
};

// What a thread keeps in registers.
struct Sums {
  unsigned long long first_nan = ~0ULL;
  unsigned zeros = 0;
  unsigned nans = 0;
};

template <Ranking R>
constexpr unsigned SHIFT = R == Ranking::PHILOX ? PHILOX_SHIFT : MAGNITUDE_SHIFT;

// Zeros have a counter for each lane where all bins are counted, so that no addition depends on a branch, and a
// register where they are few among those that are not counted at all.
template <Ranking R, bool WHOLE>
__device__ inline void count_key(const Window& window, unsigned key, Sums& sums) {
  constexpr bool few_zeros = R == Ranking::PHILOX;
  auto* counters = reinterpret_cast<unsigned*>(coppice_shared);
  if constexpr (WHOLE) {
    const unsigned zero = COARSE_BINS + threadIdx.x % ZERO_COUNTERS;
    atomicAdd(&counters[few_zeros || key != 0 ? key >> SHIFT<R> : zero], 1U);
  } else {
    const unsigned bin = (key >> window.shift) - window.first;
    if (bin < window.bins) {
      if (few_zeros || key != 0) {
        atomicAdd(&counters[bin], 1U);
      } else {
        ++sums.zeros;
      }
    }
  }
}

__device__ inline unsigned counters_of(unsigned bins) {
  return bins + (bins == COARSE_BINS ? ZERO_COUNTERS : 0);
}

// Tiles that lie side by side in a slice, at most MOST_TILES. Their vectors are counted from the first tile's.
struct Run {
  const Slice& slice;
  unsigned long long origin;  // lanes from the 16-byte boundary before the slice to vector 0
  Window window;
};

// Counts a vector's lanes that exist and are numbers.
template <Ranking R, Form F, bool WHOLE>
__device__ inline void count_lanes(const HistogramParameters& p, const Run& run, unsigned v, Sums& sums) {
  using B = Bits<F>;
  const Slice& slice = run.slice;
  const unsigned long long at = run.origin + v * LANES<B>;
  const unsigned long long end = slice.lead + slice.elements;
  const unsigned set = slices::lanes_within<B, unsigned long long>(at, slice.lead, end);
  const uint4 vector = slices::load(slices::origin<B>(slice) + at, set);
  unsigned keys[LANES<B>];
  const unsigned long long first = at - slice.lead;
  const unsigned nans = set & ranking::keys<R, F>(slice, p.seed, vector, first, set, keys);
#pragma unroll
  for (unsigned j = 0; j < LANES<B>; j++) {
    if (((set & ~nans) >> j & 1U) != 0) {
      count_key<R, WHOLE>(run.window, keys[j], sums);
    }
  }
  if (nans != 0) {
    sums.nans += __popc(nans);
    sums.first_nan = min(sums.first_nan, tensor_index(slice, first + (__ffs(nans) - 1)));
  }
}

// Counts a whole vector, or gives false where one of its elements is NaN.
template <Ranking R, Form F, bool WHOLE>
__device__ inline bool count_vector(const HistogramParameters& p, const Run& run, const uint4& vector, unsigned v,
                                    Sums& sums) {
  using B = Bits<F>;
  unsigned keys[LANES<B>];
  const unsigned long long first = run.origin + v * LANES<B> - run.slice.lead;
  if (ranking::keys<R, F>(run.slice, p.seed, vector, first, slices::ALL_LANES<B>, keys) != 0) {
    return false;
  }
#pragma unroll
  for (unsigned j = 0; j < LANES<B>; j++) {
    count_key<R, WHOLE>(run.window, keys[j], sums);
  }
  return true;
}

// Counts this thread's share of the whole vectors [v, end), LOADS of them in flight, and gives where it ended.
template <Ranking R, Form F, bool WHOLE, unsigned LOADS>
__device__ inline unsigned count_whole(const HistogramParameters& p, const Run& run, unsigned v, unsigned end,
                                       Sums& sums) {
  const auto* vectors = reinterpret_cast<const uint4*>(slices::origin<Bits<F>>(run.slice) + run.origin);
  for (; v + (LOADS - 1) * HISTOGRAM_THREADS < end; v += LOADS * HISTOGRAM_THREADS) {
    uint4 loaded[LOADS];
#pragma unroll
    for (unsigned i = 0; i < LOADS; i++) {
      loaded[i] = vectors[v + i * HISTOGRAM_THREADS];
    }
    unsigned left = 0;
#pragma unroll
    for (unsigned i = 0; i < LOADS; i++) {
      const unsigned at = v + i * HISTOGRAM_THREADS;
      left |= count_vector<R, F, WHOLE>(p, run, loaded[i], at, sums) ? 0U : 1U << i;
    }
    for (; left != 0; left &= left - 1) {
      count_lanes<R, F, WHOLE>(p, run, v + (__ffs(left) - 1) * HISTOGRAM_THREADS, sums);
    }
  }
  return v;
}

// Counts `tiles` tiles of a slice from tile `begin` on.
template <Ranking R, Form F, bool WHOLE>
__device__ inline void count_tiles(const HistogramParameters& p, const Slice& slice, const Window& window,
                                   unsigned long long begin, unsigned tiles, Sums& sums) {
  constexpr unsigned lanes = LANES<Bits<F>>;
  constexpr unsigned loads = R == Ranking::MAGNITUDE ? 4 : R == Ranking::SCORES ? 2 : 1;
  const Run run = {slice, begin * TILE_VECTORS * lanes, window};
  const unsigned long long left = slice.lead + slice.elements - run.origin;
  const unsigned end = tiles * TILE_VECTORS;
  const unsigned whole_first = begin == 0 && slice.lead != 0 ? 1 : 0;
  const unsigned whole_end =
      max(whole_first, static_cast<unsigned>(min(left / lanes, static_cast<unsigned long long>(end))));
  unsigned v = whole_first + threadIdx.x;
  v = count_whole<R, F, WHOLE, loads>(p, run, v, whole_end, sums);
  if constexpr (loads > 1) {
    count_whole<R, F, WHOLE, 1>(p, run, v, whole_end, sums);
  }
  // At most one vector before the whole ones and one after them.
  if (threadIdx.x < 2) {
    const unsigned partial = threadIdx.x == 0 ? 0 : whole_end;
    if (threadIdx.x == 0 ? whole_first == 1 : partial < end && partial < (left + lanes - 1) / lanes) {
      count_lanes<R, F, WHOLE>(p, run, partial, sums);
    }
  }
}

// Adds what the threads counted in registers: NaNs to the slice's tensor and scope, zeros to their bin.
__device__ inline void add_sums(const HistogramParameters& p, const Slice& slice, const Sums& sums) {
  if (__any_sync(ALL, sums.zeros != 0)) {
    const unsigned zeros = slices::warp_sum(sums.zeros);
    if (threadIdx.x % slices::WARP == 0) {
      atomicAdd(reinterpret_cast<unsigned*>(coppice_shared), zeros);
    }
  }
  if (p.level == Level::COARSE && p.first_bin == 0 && __any_sync(ALL, sums.nans != 0)) {
    const unsigned nans = slices::warp_sum(sums.nans);
    unsigned long long first = sums.first_nan;
    for (int distance = slices::WARP / 2; distance > 0; distance /= 2) {
      first = min(first, __shfl_xor_sync(ALL, first, distance));
    }
    if (threadIdx.x % slices::WARP == 0) {
      atomicAdd(&p.scopes[slice.scope].nans, static_cast<unsigned long long>(nans));
      atomicAdd(&p.tallies[slice.tensor].nans, static_cast<unsigned long long>(nans));
      atomicMin(&p.tallies[slice.tensor].first_nan, first);
    }
  }
}

template <Ranking R, Form F>
__device__ inline void count_form(const HistogramParameters& p, const Slice& slice, const Window& window,
                                  unsigned long long begin, unsigned tiles, Sums& sums) {
  if (p.level == Level::COARSE && p.bins == COARSE_BINS) {
    count_tiles<R, F, true>(p, slice, window, begin, tiles, sums);
  } else {
    count_tiles<R, F, false>(p, slice, window, begin, tiles, sums);
  }
}

template <Ranking R>
__device__ inline void count_slice(const HistogramParameters& p, const Slice& slice, unsigned long long begin,
                                   unsigned tiles) {
  const Scope& scope = p.scopes[slice.scope];
  Window window = {SHIFT<R>, p.first_bin, p.bins};
  if (p.level == Level::FINE) {
    if (scope.low == scope.high) {
      return;
    }
    window = {0, static_cast<unsigned>(scope.low) + p.first_bin, p.bins};
  }
  Sums sums;
  switch (slice.form) {
    case Form::F32:
      count_form<R, Form::F32>(p, slice, window, begin, tiles, sums);
      break;
    case Form::HALF:
      count_form<R, Form::HALF>(p, slice, window, begin, tiles, sums);
      break;
    case Form::F16_AS_F32:
      count_form<R, Form::F16_AS_F32>(p, slice, window, begin, tiles, sums);
      break;
  }
  add_sums(p, slice, sums);
}

// Adds the block's counters to its scope's counts and clears them.
__device__ inline void flush(const HistogramParameters& p, unsigned scope) {
  auto* counters = reinterpret_cast<unsigned*>(coppice_shared);
  unsigned long long* counts = p.counts + static_cast<unsigned long long>(scope) * p.scope_bins + p.first_bin;
  __syncthreads();
  for (unsigned i = threadIdx.x; i < counters_of(p.bins); i += HISTOGRAM_THREADS) {
    const unsigned count = counters[i];
    if (count != 0) {
      atomicAdd(&counts[i < p.bins ? i : 0], static_cast<unsigned long long>(count));
      counters[i] = 0;
    }
  }
  __syncthreads();
}

template <Ranking R>
__device__ inline void run(const HistogramParameters& p) {
  unsigned long long tile = p.tiles * blockIdx.x / gridDim.x;
  auto left = static_cast<unsigned>(p.tiles * (blockIdx.x + 1ULL) / gridDim.x - tile);
  if (left == 0 || !slices::needed(*p.state, p.when)) {
    return;
  }
  for (unsigned i = threadIdx.x; i < counters_of(p.bins); i += HISTOGRAM_THREADS) {
    reinterpret_cast<unsigned*>(coppice_shared)[i] = 0;
  }
  __syncthreads();
  unsigned index = slices::find(p.slices, p.slice_count, 0, tile);
  unsigned room = MOST_TILES;  // how many tiles more the counters can hold
  while (left != 0) {
    const Slice& slice = p.slices[index];
    const unsigned long long next = index + 1 < p.slice_count ? p.slices[index + 1].first_tile : p.tiles;
    const auto tiles = static_cast<unsigned>(min(next - tile, 0ULL + min(left, room)));
    count_slice<R>(p, slice, tile - slice.first_tile, tiles);
    left -= tiles;
    tile += tiles;
    room -= tiles;
    index += left != 0 && tile == next ? 1 : 0;
    if (left == 0 || room == 0 || p.slices[index].scope != slice.scope) {
      flush(p, slice.scope);
      room = MOST_TILES;
    }
  }
}

}  // namespace histogram

extern "C" __global__ void __launch_bounds__(1024)
    coppice_histogram_magnitude(const HistogramParameters p) {
  histogram::run<Ranking::MAGNITUDE>(p);
}

extern "C" __global__ void __launch_bounds__(1024) coppice_histogram_philox(const HistogramParameters p) {
  histogram::run<Ranking::PHILOX>(p);
}

extern "C" __global__ void __launch_bounds__(1024) coppice_histogram_scores(const HistogramParameters p) {
  histogram::run<Ranking::SCORES>(p);
}
