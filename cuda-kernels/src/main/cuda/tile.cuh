// What selection in one pass shares: walking the tiles of a table, tiles that stay in shared memory between
// reading and writing, packed masks, and the sums of what was done.
#pragma once
#include "keys.cuh"
#include "philox.cuh"
#include "slices.cuh"

extern __shared__ uint4 coppice_shared[];

constexpr unsigned ALL_LANES = 0xFFFFFFFFU;
constexpr unsigned TILE_HEADER = 4;  // uint4 at the beginning of shared memory: the block's tally
constexpr unsigned SMALL_TILES = 1U << 15;  // so many tiles of 2^16 elements or fewer a thread fit 32 bits

template <typename T>
__device__ inline T round_up(T value, T to) {
  return (value + to - 1) / to * to;
}

// A pointer into shared memory, which a function that is not inlined would take for one into any.
template <typename T>
__device__ inline T* shared(T* pointer) {
  __builtin_assume(__isShared(pointer));
  return pointer;
}

// What a thread did since its counts were last added to a tally.
struct Counts {
  unsigned pruned = 0;
  unsigned newly_zero = 0;
  unsigned zeros = 0;
};

__device__ inline void count_settled(Counts& counts, bool goes, bool zero) {
  counts.pruned += goes;
  counts.newly_zero += goes && !zero;
  counts.zeros += goes || zero;
}

// Counts a NaN of a slice in its tensor's tally. Seldom needed, and long: it would be most of the code where it
// is inlined, and the registers it needs would be missed all the time.
__attribute__((noinline)) static __device__ void count_nan(Tally* tallies, const Slice* slice,
                                                           unsigned long long position) {
  Tally& tensor = tallies[slice->tensor];
  const unsigned long long index = tensor_index(*slice, position);
  atomicAdd(&tensor.nans, 1ULL);
  if (index < tensor.first_nan) {  // as it was some time ago, which spares most of the minima
    atomicMin(&tensor.first_nan, index);
  }
}

// Adds up one count of a warp's threads in its first lane, and there to `sum`.
__device__ inline void add_count(unsigned long long& sum, unsigned count) {
  unsigned long long all = count;
  for (unsigned distance = 16; distance > 0; distance /= 2) {
    all += __shfl_down_sync(ALL_LANES, all, distance);
  }
  if (threadIdx.x % 32 == 0 && all != 0) {
    atomicAdd(&sum, all);
  }
}

__device__ inline void add_nonzero(unsigned long long& sum, unsigned long long count) {
  if (count != 0) {
    atomicAdd(&sum, count);
  }
}

// Adds the counts of all threads of the block to a tensor's tally and clears them.
__device__ inline void flush_counts(Counts& counts, Tally& tensor) {
  auto& block = *reinterpret_cast<Tally*>(coppice_shared);
  if (threadIdx.x == 0) {
    block = {};
  }
  __syncthreads();
  add_count(block.pruned, counts.pruned);
  add_count(block.newly_zero, counts.newly_zero);
  add_count(block.zeros, counts.zeros);
  __syncthreads();
  if (threadIdx.x == 0) {
    add_nonzero(tensor.pruned, block.pruned);
    add_nonzero(tensor.newly_zero, block.newly_zero);
    add_nonzero(tensor.zeros, block.zeros);
  }
  counts = Counts();
}

// The last slice that begins at or before a tile.
__device__ inline unsigned slice_of(const Slice* slices, unsigned count, unsigned long long tile) {
  unsigned low = 0;
  unsigned high = count;
  while (high - low > 1) {
    const unsigned middle = low + (high - low) / 2;
    if (slices[middle].first_tile <= tile) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

// Gives this block its share of a table's tiles, neighbours, one after the other:
// work(slice, tile of the slice, counts). A thread's counts of `tiles_a_flush` tiles fit 32 bits.
template <typename P, typename Work>
__device__ inline void for_tiles(const P& p, unsigned tiles_a_flush, Work work) {
  unsigned long long tile = p.tiles * blockIdx.x / gridDim.x;
  const unsigned long long end = p.tiles * (blockIdx.x + 1ULL) / gridDim.x;
  if (tile >= end) {
    return;
  }
  unsigned current = slice_of(p.slices, p.slice_count, tile);
  Counts counts;
  unsigned counted = 0;
  do {
    const Slice& slice = p.slices[current];
    work(slice, tile - slice.first_tile, counts);
    tile++;
    counted++;
    while (current + 1 < p.slice_count && p.slices[current + 1].first_tile <= tile) {
      current++;
    }
    if (tile == end || p.slices[current].tensor != slice.tensor || counted == tiles_a_flush) {
      flush_counts(counts, p.tallies[slice.tensor]);
      counted = 0;
    }
  } while (tile < end);
}

// Sets bits of a mask from `position` on; bits for elements before the slice are clear.
__device__ inline void or_mask(unsigned* mask, long long position, unsigned bits) {
  if (position < 0) {
    bits >>= -position;
    position = 0;
  }
  const auto shift = static_cast<unsigned>(position % 32);
  const unsigned low = bits << shift;
  const unsigned high = shift == 0 ? 0 : bits >> (32 - shift);
  unsigned* const words = slices::global(mask) + position / 32;
  if (low != 0) {
    atomicOr(words, low);
  }
  if (high != 0) {
    atomicOr(words + 1, high);
  }
}

// Writes 16 bytes at once. From an assignment nvcc 13.0 makes four stores where words were chosen one by one;
// what is streamed is not soon read again.
__device__ inline void store_vector(void* to, const uint4& vector) {
  __stcs(static_cast<uint4*>(to), vector);
}

// Lines of a slice's elements, and where they lie in shared memory: element x of line l is at position
// first + l * stride + x of the slice and at l * pitch + lead + x of the staged elements.
struct Tile {
  unsigned long long first;
  unsigned long long stride;
  unsigned lines;
  unsigned length;
  unsigned pitch;
  unsigned lead;
  bool wide;  // whole 16 bytes lie as they do in device memory
};

template <typename Bits>
__device__ inline Tile make_tile(const Slice& slice, unsigned long long first, unsigned lines,
                                 unsigned length, unsigned long long stride) {
  constexpr unsigned lanes = 16 / sizeof(Bits);
  const auto lead = static_cast<unsigned>((slice.lead + first) % lanes);
  const bool wide = lines == 1 || (lead == 0 && stride % lanes == 0);
  const unsigned used = wide ? lead : 0;
  return {first, stride, lines, length, round_up(used + length, lanes), used, wide};
}

// Whether the 16 bytes at x, from a line's beginning in shared memory, are all the tile's.
__device__ inline bool is_whole(const Tile& tile, unsigned x, unsigned lanes) {
  return x >= tile.lead && x + lanes <= tile.lead + tile.length;
}

// Calls visit(line, x) for this thread's share of the elements.
template <typename Visit>
__device__ inline void for_elements(const Tile& tile, Visit visit) {
  for (unsigned e = threadIdx.x; e < tile.lines * tile.length; e += blockDim.x) {
    visit(e / tile.length, e % tile.length);
  }
}

// Calls visit(i) for those elements of the 16 bytes at x that are the tile's.
template <typename Visit>
__device__ inline void for_edge(const Tile& tile, unsigned x, unsigned lanes, Visit visit) {
  for (unsigned i = max(x, tile.lead); i < min(x + lanes, tile.lead + tile.length); i++) {
    visit(i - tile.lead);
  }
}

// Reads a tile's weights into shared memory: 16-byte loads, four in flight. Not inlined, here and below: selection
// and what moves tiles would need their registers at once.
template <typename Bits>
__attribute__((noinline)) static __device__ void stage(const Slice& slice, const Tile& tile,
                                                       Bits* staged) {
  constexpr unsigned lanes = 16 / sizeof(Bits);
  const auto* weights = slices::global(static_cast<const Bits*>(slice.weights)) + tile.first;
  staged = shared(staged);
  const auto copy = [&](unsigned line, unsigned x) {
    staged[line * tile.pitch + tile.lead + x] = weights[line * tile.stride + x];
  };
  if (!tile.wide) {
    for_elements(tile, copy);
    return;
  }
  const unsigned slots = tile.pitch / lanes;
  for (unsigned slot = threadIdx.x; slot < tile.lines * slots; slot += 4 * blockDim.x) {
    const auto read = [&](unsigned i) {
      const unsigned line = (slot + i * blockDim.x) / slots;
      const unsigned x = (slot + i * blockDim.x) % slots * lanes;
      return line < tile.lines && is_whole(tile, x, lanes)
                 ? *reinterpret_cast<const uint4*>(weights + line * tile.stride + x - tile.lead)
                 : uint4{};
    };
    const auto write = [&](unsigned i, const uint4& held) {
      const unsigned line = (slot + i * blockDim.x) / slots;
      const unsigned x = (slot + i * blockDim.x) % slots * lanes;
      if (line < tile.lines && is_whole(tile, x, lanes)) {
        *reinterpret_cast<uint4*>(staged + line * tile.pitch + x) = held;
      } else if (line < tile.lines) {
        for_edge(tile, x, lanes, [&](unsigned element) { copy(line, element); });
      }
    };
    const uint4 held0 = read(0);
    const uint4 held1 = read(1);
    const uint4 held2 = read(2);
    const uint4 held3 = read(3);
    write(0, held0);
    write(1, held1);
    write(2, held2);
    write(3, held3);
  }
}

// Writes a tile's weights from shared memory to where the slice's result goes.
template <typename Bits>
__attribute__((noinline)) static __device__ void unstage(const Slice& slice, const Tile& tile,
                                                         const Bits* staged) {
  constexpr unsigned lanes = 16 / sizeof(Bits);
  if (slice.pruned == nullptr) {
    return;
  }
  auto* pruned = slices::global(static_cast<Bits*>(slice.pruned)) + tile.first;
  staged = shared(staged);
  const auto copy = [&](unsigned line, unsigned x) {
    pruned[line * tile.stride + x] = staged[line * tile.pitch + tile.lead + x];
  };
  if (!tile.wide || reinterpret_cast<uintptr_t>(pruned) % 16 != tile.lead * sizeof(Bits)) {
    for_elements(tile, copy);
    return;
  }
  const unsigned slots = tile.pitch / lanes;
  for (unsigned slot = threadIdx.x; slot < tile.lines * slots; slot += blockDim.x) {
    const unsigned line = slot / slots;
    const unsigned x = slot % slots * lanes;
    if (is_whole(tile, x, lanes)) {
      store_vector(pruned + line * tile.stride + x - tile.lead,
                   *reinterpret_cast<const uint4*>(staged + line * tile.pitch + x));
    } else {
      for_edge(tile, x, lanes, [&](unsigned element) { copy(line, element); });
    }
  }
}

// The Philox words of elements that are asked for in ascending order: neighbours share a block.
struct RandomKeys {
  unsigned long long block = ~0ULL;
  uint4 words = {};

  __device__ unsigned key(unsigned long long seed, const Slice& slice, unsigned long long position) {
    const unsigned long long index = tensor_index(slice, position);
    if (index / 4 != block) {
      block = index / 4;
      words = philox(seed, slice.tensor_id, block);
    }
    const unsigned low = index % 2 == 0 ? words.x : words.y;
    const unsigned high = index % 2 == 0 ? words.z : words.w;
    return index % 4 < 2 ? low : high;
  }
};

__device__ inline unsigned score_key(const Slice& slice, unsigned long long position) {
  return own_key(slices::global(reinterpret_cast<const unsigned*>(slice.scores))[position]);
}

// Fills the keys of a tile that is not ranked by magnitude; they lie as the weights do.
[[maybe_unused]] __attribute__((noinline)) static __device__ void stage_keys(
    const Slice& slice, const Tile& tile, Ranking ranking, unsigned long long seed, unsigned* keys) {
  keys = shared(keys);
  if (ranking == Ranking::SCORES) {
    for_elements(tile, [&](unsigned line, unsigned x) {
      keys[line * tile.pitch + tile.lead + x] =
          score_key(slice, tile.first + line * tile.stride + x);
    });
    return;
  }
  // Four elements a thread, from where a Philox block begins on.
  const unsigned quads = (tile.length + 6) / 4;
  for (unsigned quad = threadIdx.x; quad < tile.lines * quads; quad += blockDim.x) {
    const unsigned line = quad / quads;
    const unsigned long long first = tile.first + line * tile.stride;
    const unsigned x = quad % quads * 4 - static_cast<unsigned>(tensor_index(slice, first) % 4);
    RandomKeys random;
    for (unsigned i = x; i != x + 4; i++) {
      if (i < tile.length) {
        keys[line * tile.pitch + tile.lead + i] = random.key(seed, slice, first + i);
      }
    }
  }
}
