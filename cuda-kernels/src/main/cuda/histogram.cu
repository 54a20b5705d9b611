// histogram: how many keys fall into each bin of a window of the key range (SPEC.md, "Key").
//
//   key = bits of the weight without the sign
//   key > largest                       -> nans += 1, first_nan = min(first_nan, index)
//   key < base                          -> below += 1
//   (key - base) >> shift < bins        -> counts[(key - base) >> shift] += 1
//
// Bytes an element: 2 (16-bit types) or 4 (32-bit types) read; nothing written but counts and sums.
// Launch: blocks of 1024 threads, as many as the device holds at once; any number is correct. Counts
// and sums are added to, never cleared. A block counts in 32 bits: it must not be given 2^32 elements
// or more. Two variants:
//   shared  a private histogram in 32 + 4 * bins bytes of shared memory; only its non-zero bins are
//           added to counts. A window too wide for that can be counted in several passes, each a window
//           of its own; only the first is given sums.
//   global  32 bytes of shared memory, an atomic in global memory for each key in the window: for
//           windows so wide that passes would cost more.
#include <cstdint>

struct HistogramSums {
  unsigned long long first_nan;  // all bits set before the first launch
  unsigned long long below;
  unsigned long long nans;
};

// Written field by field by HistogramKernel.java.
struct HistogramParameters {
  const void* weights;  // aligned to an element
  unsigned long long elements;
  unsigned long long* counts;
  HistogramSums* sums;  // null in every pass but the first
  unsigned largest;     // the key of infinity
  unsigned base;
  unsigned shift;
  unsigned bins;
};

// What a block shares: its sums, then, in the shared variant, a counter for each bin.
struct BlockSums {
  unsigned long long first_nan;
  unsigned zeros;
  unsigned below;
  unsigned nans;
};

constexpr unsigned COUNTERS_AT = 32;  // Two uint4: the block's sums.
static_assert(sizeof(BlockSums) <= COUNTERS_AT);

extern __shared__ uint4 coppice_shared[];

// What a thread keeps in registers. Zeros are among it because the zeros of a tensor that was pruned
// before would all meet in one counter.
struct ThreadSums {
  unsigned long long first_nan = ~0ULL;
  unsigned zeros = 0;
  unsigned below = 0;
  unsigned nans = 0;
};

// A counter type is unsigned in shared and unsigned long long in global memory.
template <typename Counter>
__device__ inline void count_key(const HistogramParameters& p, unsigned key, unsigned long long index,
                                 Counter* counters, ThreadSums& sums) {
  if (key == 0) {
    ++sums.zeros;
  } else if (key > p.largest) {
    ++sums.nans;
    sums.first_nan = min(sums.first_nan, index);
  } else if (key < p.base) {
    ++sums.below;
  } else {
    const unsigned bin = (key - p.base) >> p.shift;
    if (bin < p.bins) {
      atomicAdd(&counters[bin], Counter{1});
    }
  }
}

// Counts the keys in a 32-bit word: two of 16 bits, the lower half first, or one of 32.
template <typename Bits, typename Counter>
__device__ inline void count_word(const HistogramParameters& p, unsigned word,
                                  unsigned long long index, Counter* counters, ThreadSums& sums) {
  if constexpr (sizeof(Bits) == 2) {
    count_key(p, word & 0x7FFFU, index, counters, sums);
    count_key(p, word >> 16 & 0x7FFFU, index + 1, counters, sums);
  } else {
    count_key(p, word & 0x7FFFFFFFU, index, counters, sums);
  }
}

template <typename Bits, typename Counter>
__device__ inline void count_vector(const HistogramParameters& p, const uint4 vector,
                                    unsigned long long index, Counter* counters, ThreadSums& sums) {
  constexpr unsigned step = 4 / sizeof(Bits);
  count_word<Bits>(p, vector.x, index, counters, sums);
  count_word<Bits>(p, vector.y, index + step, counters, sums);
  count_word<Bits>(p, vector.z, index + 2 * step, counters, sums);
  count_word<Bits>(p, vector.w, index + 3 * step, counters, sums);
}

// Walks this thread's share: 16-byte loads, two in flight, and the few elements before the first and
// after the last aligned 16 bytes.
template <typename Bits, typename Counter>
__device__ inline void count_share(const HistogramParameters& p, Counter* counters,
                                   ThreadSums& sums) {
  constexpr unsigned long long lanes = 16 / sizeof(Bits);
  const auto* elements = static_cast<const Bits*>(p.weights);
  const unsigned long long misaligned = reinterpret_cast<uintptr_t>(elements) % 16;
  const unsigned long long head =
      min(p.elements, misaligned == 0 ? 0ULL : (16 - misaligned) / sizeof(Bits));
  const unsigned long long vectors = (p.elements - head) / lanes;
  const unsigned long long tail = head + vectors * lanes;
  const auto* aligned = reinterpret_cast<const uint4*>(elements + head);

  const unsigned long long thread =
      static_cast<unsigned long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  const unsigned long long threads = static_cast<unsigned long long>(gridDim.x) * blockDim.x;
  constexpr unsigned magnitude = sizeof(Bits) == 2 ? 0x7FFFU : 0x7FFFFFFFU;
  for (unsigned long long i = thread; i < head; i += threads) {
    count_key(p, elements[i] & magnitude, i, counters, sums);
  }
  unsigned long long v = thread;
  for (; v + threads < vectors; v += 2 * threads) {
    const uint4 first = aligned[v];
    const uint4 second = aligned[v + threads];
    count_vector<Bits>(p, first, head + v * lanes, counters, sums);
    count_vector<Bits>(p, second, head + (v + threads) * lanes, counters, sums);
  }
  if (v < vectors) {
    count_vector<Bits>(p, aligned[v], head + v * lanes, counters, sums);
  }
  for (unsigned long long i = tail + thread; i < p.elements; i += threads) {
    count_key(p, elements[i] & magnitude, i, counters, sums);
  }
}

// Adds up a warp's sums in its first lane, which adds them to the block's.
__device__ inline void add_to_block(ThreadSums sums, BlockSums& block) {
  for (unsigned distance = 16; distance > 0; distance /= 2) {
    sums.first_nan = min(sums.first_nan, __shfl_down_sync(0xFFFFFFFFU, sums.first_nan, distance));
    sums.zeros += __shfl_down_sync(0xFFFFFFFFU, sums.zeros, distance);
    sums.below += __shfl_down_sync(0xFFFFFFFFU, sums.below, distance);
    sums.nans += __shfl_down_sync(0xFFFFFFFFU, sums.nans, distance);
  }
  if (threadIdx.x % 32 == 0) {
    atomicMin(&block.first_nan, sums.first_nan);
    atomicAdd(&block.zeros, sums.zeros);
    atomicAdd(&block.below, sums.below);
    atomicAdd(&block.nans, sums.nans);
  }
}

__device__ inline void add_to_grid(const HistogramParameters& p, const BlockSums& block) {
  // Key 0, whose elements registers counted, falls into bin 0 or below the window.
  if (p.base == 0 && block.zeros != 0) {
    atomicAdd(&p.counts[0], static_cast<unsigned long long>(block.zeros));
  }
  if (p.sums != nullptr) {
    const unsigned zeros_below = p.base == 0 ? 0U : block.zeros;
    atomicAdd(&p.sums->below, static_cast<unsigned long long>(block.below) + zeros_below);
    atomicAdd(&p.sums->nans, static_cast<unsigned long long>(block.nans));
    atomicMin(&p.sums->first_nan, block.first_nan);
  }
}

// Counts the block's share. Between its two barriers all threads may use counters; after it, those in
// shared memory are complete.
template <typename Bits, typename Counter>
__device__ inline void count_block(const HistogramParameters& p, Counter* counters) {
  auto& block = *reinterpret_cast<BlockSums*>(coppice_shared);
  if (threadIdx.x == 0) {
    block = {~0ULL, 0, 0, 0};
  }
  __syncthreads();
  ThreadSums sums;
  count_share<Bits>(p, counters, sums);
  add_to_block(sums, block);
  __syncthreads();
  if (threadIdx.x == 0) {
    add_to_grid(p, block);
  }
}

template <typename Bits>
__device__ inline void histogram_shared(const HistogramParameters& p) {
  auto* counters = reinterpret_cast<unsigned*>(coppice_shared + COUNTERS_AT / sizeof(uint4));
  for (unsigned bin = threadIdx.x; bin < p.bins; bin += blockDim.x) {
    counters[bin] = 0;
  }
  count_block<Bits>(p, counters);
  for (unsigned bin = threadIdx.x; bin < p.bins; bin += blockDim.x) {
    if (counters[bin] != 0) {
      atomicAdd(&p.counts[bin], static_cast<unsigned long long>(counters[bin]));
    }
  }
}

extern "C" __global__ void __launch_bounds__(1024)
    coppice_histogram_shared_16(const HistogramParameters p) {
  histogram_shared<uint16_t>(p);
}

extern "C" __global__ void __launch_bounds__(1024)
    coppice_histogram_shared_32(const HistogramParameters p) {
  histogram_shared<uint32_t>(p);
}

extern "C" __global__ void __launch_bounds__(1024)
    coppice_histogram_global_16(const HistogramParameters p) {
  count_block<uint16_t>(p, p.counts);
}

extern "C" __global__ void __launch_bounds__(1024)
    coppice_histogram_global_32(const HistogramParameters p) {
  count_block<uint32_t>(p, p.counts);
}
