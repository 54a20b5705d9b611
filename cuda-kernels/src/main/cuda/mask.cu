// mask: packed masks, and counting zeros. Bit i % 32 of word i / 32 belongs to element i, set = kept; bits
// after the last element are 0.
//
//   coppice_mask_apply    weight(i) = bit(i) ? weight(i) : +0.0 in place (Slice.pruned = Slice.weights); tallies,
//                         whose `nans` are those that stay. Bytes an element: 2 + 2 or 4 + 4, and 1/8.
//   coppice_zeros         zeros += weights that are +0.0 or -0.0, nans += NaN. 2 or 4 bytes an element.
//     256 threads, 64 bytes of shared memory; tiles of a slice: ceil((lead + elements) * bytes / TILE_BYTES);
//     any number of blocks is correct, 16 times what the device holds at once, at most the tiles, is meant.
//   coppice_mask_count    zeros += clear bits. 1/8 byte an element.
//   coppice_mask_combine  result = a & b, a | b, a & ~b, ~a; 3/8 (not: 2/8) byte an element.
//     256 threads, 64 bytes of shared memory; any number of blocks is correct, ceil(bits / 2^17), at most 16
//     times what the device holds at once, is meant.
#include "mask.cuh"
#include "tile.cuh"

// Gives this thread its share of a tile of 16 KiB: vector(position, 16 bytes that were read) and, where a
// vector is not whole, each(position). Four reads are in flight.
template <typename Bits, typename Vector, typename Each>
__device__ inline void for_vectors(const Slice& slice, unsigned long long tile, Vector vector,
                                   Each each) {
  constexpr unsigned lanes = 16 / sizeof(Bits);
  constexpr unsigned vectors = TILE_BYTES / 16;
  const auto* weights = slices::global(static_cast<const Bits*>(slice.weights));
  const auto elements = static_cast<long long>(slice.elements);
  const auto whole = [&](long long at) { return at >= 0 && at + lanes <= elements; };
  for (unsigned v = threadIdx.x; v < vectors; v += 4 * blockDim.x) {
    const auto first = static_cast<long long>((tile * vectors + v) * lanes) - slice.lead;
    const auto position = [&](unsigned i) { return first + i * blockDim.x * lanes; };
    const auto read = [&](unsigned i) {
      const long long at = position(i);
      return whole(at) ? *reinterpret_cast<const uint4*>(weights + at) : uint4{};
    };
    const auto visit = [&](unsigned i, const uint4& held) {
      const long long at = position(i);
      if (whole(at)) {
        vector(static_cast<unsigned long long>(at), held);
        return;
      }
      for (long long e = max(at, 0LL); e < min(at + lanes, elements); e++) {
        each(static_cast<unsigned long long>(e));
      }
    };
    const uint4 held0 = read(0);
    const uint4 held1 = read(1);
    const uint4 held2 = read(2);
    const uint4 held3 = read(3);
    visit(0, held0);
    visit(1, held1);
    visit(2, held2);
    visit(3, held3);
  }
}

// Counts a weight that its mask keeps or not.
template <typename Bits>
__device__ inline void count_masked(const Slice& slice, unsigned long long position, Bits weight,
                                    bool kept, Counts& counts) {
  if (kept && own_key(weight) > slice.largest) {
    count_nan(counts, slice, position);
  } else {
    count_settled(counts, !kept, is_zero(weight));
  }
}

// Zeroes the weights of a word that bits of `kept`, from the lowest on, do not keep; gives the word.
template <typename Bits>
__device__ inline unsigned mask_word(const Slice& slice, unsigned long long position, unsigned word,
                                     unsigned kept, Counts& counts) {
  if constexpr (sizeof(Bits) == 2) {
    count_masked(slice, position, static_cast<Bits>(word), (kept & 1U) != 0, counts);
    count_masked(slice, position + 1, static_cast<Bits>(word >> 16), (kept & 2U) != 0, counts);
    return word & (((kept & 1U) != 0 ? 0xFFFFU : 0) | ((kept & 2U) != 0 ? 0xFFFF0000U : 0));
  } else {
    count_masked(slice, position, word, (kept & 1U) != 0, counts);
    return (kept & 1U) != 0 ? word : 0;
  }
}

template <typename Bits>
__device__ inline uint4 mask_vector(const Slice& slice, unsigned long long position, const uint4& v,
                                    unsigned kept, Counts& counts) {
  constexpr unsigned step = 4 / sizeof(Bits);
  return {mask_word<Bits>(slice, position, v.x, kept, counts),
          mask_word<Bits>(slice, position + step, v.y, kept >> step, counts),
          mask_word<Bits>(slice, position + 2 * step, v.z, kept >> 2 * step, counts),
          mask_word<Bits>(slice, position + 3 * step, v.w, kept >> 3 * step, counts)};
}

// The bits of `count` elements, at most 32, from `position` on.
__device__ inline unsigned mask_bits(const unsigned* mask, unsigned long long position,
                                     unsigned count) {
  const auto shift = static_cast<unsigned>(position % 32);
  const unsigned low = mask[position / 32] >> shift;
  return shift + count <= 32 ? low : low | mask[position / 32 + 1] << (32 - shift);
}

template <typename Bits>
__device__ inline void apply_mask(const Slice& slice, unsigned long long tile, Counts& counts) {
  auto* weights = slices::global(static_cast<Bits*>(slice.pruned));
  for_vectors<Bits>(
      slice, tile,
      [&](unsigned long long at, const uint4& v) {
        const unsigned kept = mask_bits(slices::global(slice.mask), at, 16 / sizeof(Bits));
        store_vector(weights + at, mask_vector<Bits>(slice, at, v, kept, counts));
      },
      [&](unsigned long long at) {
        const bool kept = (mask_bits(slices::global(slice.mask), at, 1) & 1U) != 0;
        count_masked(slice, at, weights[at], kept, counts);
        if (!kept) {
          weights[at] = 0;
        }
      });
}

extern "C" __global__ void __launch_bounds__(256, 2)
    coppice_mask_apply(const MaskedParameters p) {
  for_tiles(p, SMALL_TILES, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      apply_mask<uint16_t>(slice, tile, counts);
    } else {
      apply_mask<uint32_t>(slice, tile, counts);
    }
  });
}

template <typename Bits>
__device__ inline void count_zeros(const Slice& slice, unsigned long long tile, Counts& counts) {
  for_vectors<Bits>(
      slice, tile,
      [&](unsigned long long at, const uint4& v) { mask_vector<Bits>(slice, at, v, ~0U, counts); },
      [&](unsigned long long at) {
        count_masked(slice, at, slices::global(static_cast<const Bits*>(slice.weights))[at], true, counts);
      });
}

extern "C" __global__ void __launch_bounds__(256, 2)
    coppice_zeros(const MaskedParameters p) {
  for_tiles(p, SMALL_TILES, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      count_zeros<uint16_t>(slice, tile, counts);
    } else {
      count_zeros<uint32_t>(slice, tile, counts);
    }
  });
}

// Calls vector(v) for each 16 bytes of words and word(w) for the words after them.
template <typename Vector, typename Word>
__device__ inline void for_words(unsigned long long words, bool aligned, Vector vector, Word word) {
  const unsigned long long thread = 0ULL + blockIdx.x * blockDim.x + threadIdx.x;
  const unsigned long long threads = 0ULL + gridDim.x * blockDim.x;
  const unsigned long long vectors = aligned ? words / 4 : 0;
  for (unsigned long long v = thread; v < vectors; v += threads) {
    vector(v);
  }
  for (unsigned long long w = 4 * vectors + thread; w < words; w += threads) {
    word(w);
  }
}

__device__ inline bool is_aligned(const void* address) {
  return reinterpret_cast<uintptr_t>(address) % 16 == 0;
}

extern "C" __global__ void __launch_bounds__(256)
    coppice_mask_count(const MaskCountParameters p) {
  // Whole words are counted, and the bits that the last has too many are clear.
  unsigned long long set = 0;
  for_words(
      (p.bits + 31) / 32, is_aligned(p.mask),
      [&](unsigned long long v) {
        const uint4 words = reinterpret_cast<const uint4*>(p.mask)[v];
        set += static_cast<unsigned>(__popc(words.x) + __popc(words.y) + __popc(words.z) +
                                     __popc(words.w));
      },
      [&](unsigned long long w) { set += static_cast<unsigned>(__popc(p.mask[w])); });
  for (unsigned distance = 16; distance > 0; distance /= 2) {
    set += __shfl_down_sync(ALL_LANES, set, distance);
  }
  auto& block = *reinterpret_cast<unsigned long long*>(coppice_shared);
  if (threadIdx.x == 0) {
    block = 0;
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    atomicAdd(&block, set);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    // All bits, added once, less those that are set, modulo 2^64.
    atomicAdd(p.zeros, (blockIdx.x == 0 ? p.bits : 0) - block);
  }
}

__device__ inline unsigned combine(MaskOperation operation, unsigned a, unsigned b) {
  switch (operation) {
    case MaskOperation::AND:
      return a & b;
    case MaskOperation::OR:
      return a | b;
    case MaskOperation::AND_NOT:
      return a & ~b;
    default:
      return ~a;
  }
}

extern "C" __global__ void __launch_bounds__(256)
    coppice_mask_combine(const MaskCombineParameters p) {
  const bool one = p.operation == MaskOperation::NOT;
  const auto* a = reinterpret_cast<const uint4*>(p.a);
  const auto* b = reinterpret_cast<const uint4*>(one ? p.a : p.b);
  const auto word = [&](unsigned long long w) {
    p.result[w] = combine(p.operation, p.a[w], one ? 0 : p.b[w]);
  };
  for_words(
      p.bits / 32, is_aligned(p.result) && is_aligned(a) && is_aligned(b),
      [&](unsigned long long v) {
        const uint4 x = a[v];
        const uint4 y = one ? uint4{} : b[v];
        reinterpret_cast<uint4*>(p.result)[v] = {
            combine(p.operation, x.x, y.x), combine(p.operation, x.y, y.y),
            combine(p.operation, x.z, y.z), combine(p.operation, x.w, y.w)};
      },
      word);
  if (p.bits % 32 != 0 && blockIdx.x == 0 && threadIdx.x == 0) {
    const unsigned long long last = p.bits / 32;
    word(last);
    p.result[last] &= (1U << p.bits % 32) - 1;
  }
}
