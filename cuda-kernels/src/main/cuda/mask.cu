// mask: packed masks, and counting zeros. Bit i % 32 of word i / 32 belongs to element i, set = kept; bits
// after the last element are 0.
//
//   coppice_mask_apply    weight(i) = bit(i) ? weight(i) : +0.0 in place (Slice.pruned = Slice.weights); tallies,
//                         whose `nans` are those that stay. Bytes an element: 2 + 2 or 4 + 4, and 1/8.
//   coppice_zeros         zeros += weights that are +0.0 or -0.0, nans += NaN. 2 or 4 bytes an element.
//     Two 16-bit weights are looked at at once, in the lanes of a word (lanes.cuh), some 10 instructions an
//     element; a thread has four loads of 16 bytes in flight, three or more blocks an SM 48 KiB or more.
//     256 threads, 64 bytes of shared memory; tiles of a slice: ceil((lead + elements) * bytes / TILE_BYTES);
//     any number of blocks is correct, 16 times what the device holds at once, at most the tiles, is meant.
//   coppice_mask_count    zeros += clear bits. 1/8 byte an element.
//   coppice_mask_combine  result = a & b, a | b, a & ~b, ~a; 3/8 (not: 2/8) byte an element.
//     256 threads, 64 bytes of shared memory; any number of blocks is correct, ceil(bits / 2^17), at most 16
//     times what the device holds at once, is meant.
#include "lanes.cuh"
#include "mask.cuh"
#include "tile.cuh"

constexpr unsigned MASK_THREADS = 256;

// Gives this thread its share of a tile of 16 KiB, four reads in flight: vector(position, 16 bytes that were read,
// kept(position)) and, where a vector is not whole or vector() answers false, each(position).
template <typename Bits, typename Kept, typename Vector, typename Each>
__device__ inline void for_vectors(const Slice& slice, unsigned long long tile, Kept kept, Vector vector,
                                   Each each) {
  constexpr unsigned lanes = 16 / sizeof(Bits);
  constexpr unsigned in_flight = slices::TILE_VECTORS / MASK_THREADS;
  constexpr unsigned step = MASK_THREADS * lanes;
  const auto* weights = slices::global(static_cast<const Bits*>(slice.weights));
  const auto elements = static_cast<long long>(slice.elements);
  const auto own =
      static_cast<long long>((tile * slices::TILE_VECTORS + threadIdx.x) * lanes) - slice.lead;
  const auto is_whole = [&](unsigned i) { return own + i * step >= 0 && own + i * step + lanes <= elements; };
  uint4 held[in_flight];
  unsigned bits[in_flight];
#pragma unroll
  for (unsigned i = 0; i < in_flight; i++) {
    bits[i] = is_whole(i) ? kept(static_cast<unsigned long long>(own + i * step)) : 0;
    held[i] = is_whole(i) ? *reinterpret_cast<const uint4*>(weights + own + i * step) : uint4{};
  }
  unsigned apart = 0;
#pragma unroll
  for (unsigned i = 0; i < in_flight; i++) {
    if (!is_whole(i) || !vector(static_cast<unsigned long long>(own + i * step), held[i], bits[i])) {
      apart |= 1U << i;
    }
  }
  for (; apart != 0; apart &= apart - 1) {
    const long long at = own + (__ffs(static_cast<int>(apart)) - 1LL) * step;
#pragma unroll 1
    for (long long e = max(at, 0LL); e < min(at + lanes, elements); e++) {
      each(static_cast<unsigned long long>(e));
    }
  }
}

// Counts a weight that its mask keeps or not.
template <typename Bits>
__device__ inline void count_masked(Tally* tallies, const Slice& slice, unsigned long long position,
                                    Bits weight, bool kept, Counts& counts) {
  if (kept && own_key(weight) > slice.largest) {
    count_nan(tallies, &slice, position);
  } else {
    count_settled(counts, !kept, is_zero(weight));
  }
}

// Zeroes the weights of a vector that bits of `kept`, from the lowest on, do not keep, and counts them; does
// nothing and answers false where it would keep a NaN.
template <typename Bits>
__device__ inline bool mask_vector(unsigned above, uint4& v, unsigned kept, Counts& counts) {
  constexpr unsigned each = 4 / sizeof(Bits);
  const auto stays = [&](unsigned word) { return lanes::spread<Bits>(kept >> word * each); };
  const auto nan = [&](unsigned word, unsigned stay) {
    return ((word & ~lanes::TOP<Bits>) + above) & stay & lanes::TOP<Bits>;
  };
  const uint4 stay = {stays(0), stays(1), stays(2), stays(3)};
  if ((nan(v.x, stay.x) | nan(v.y, stay.y) | nan(v.z, stay.z) | nan(v.w, stay.w)) != 0) {
    return false;
  }
  unsigned kept_numbers = 0;  // that are not zero
  const auto settle = [&](unsigned& word, unsigned own) {
    const unsigned number = lanes::nonzero<Bits>(word & ~lanes::TOP<Bits>);
    counts.newly_zero += static_cast<unsigned>(__popc(number & ~own));
    kept_numbers += static_cast<unsigned>(__popc(number & own));
    word &= own;
  };
  settle(v.x, stay.x);
  settle(v.y, stay.y);
  settle(v.z, stay.z);
  settle(v.w, stay.w);
  constexpr unsigned all = 4 * each;
  counts.pruned += all - static_cast<unsigned>(__popc(kept & ((1U << all) - 1)));
  counts.zeros += all - kept_numbers;
  return true;
}

// The bits of `count` elements, at most 32, from `position` on.
__device__ inline unsigned mask_bits(const unsigned* mask, unsigned long long position,
                                     unsigned count) {
  const auto shift = static_cast<unsigned>(position % 32);
  const unsigned low = mask[position / 32] >> shift;
  return shift + count <= 32 ? low : low | mask[position / 32 + 1] << (32 - shift);
}

template <typename Bits>
__device__ inline void apply_mask(Tally* tallies, const Slice& slice, unsigned long long tile, Counts& counts) {
  auto* weights = slices::global(static_cast<Bits*>(slice.pruned));
  const unsigned* mask = slices::global(slice.mask);
  const unsigned above = lanes::above<Bits>(slice);
  for_vectors<Bits>(
      slice, tile,
      [&](unsigned long long at) { return mask_bits(mask, at, 16 / sizeof(Bits)); },
      [&](unsigned long long at, uint4& v, unsigned kept) {
        const bool done = mask_vector<Bits>(above, v, kept, counts);
        if (done) {
          store_vector(weights + at, v);
        }
        return done;
      },
      [&](unsigned long long at) {
        const bool kept = (mask_bits(mask, at, 1) & 1U) != 0;
        count_masked(tallies, slice, at, weights[at], kept, counts);
        if (!kept) {
          weights[at] = 0;
        }
      });
}

extern "C" __global__ void __launch_bounds__(256, 3)
    coppice_mask_apply(const MaskedParameters p) {
  for_tiles(p, SMALL_TILES, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      apply_mask<uint16_t>(p.tallies, slice, tile, counts);
    } else {
      apply_mask<uint32_t>(p.tallies, slice, tile, counts);
    }
  });
}

template <typename Bits>
__device__ inline void count_zeros(Tally* tallies, const Slice& slice, unsigned long long tile, Counts& counts) {
  const unsigned above = lanes::above<Bits>(slice);
  for_vectors<Bits>(
      slice, tile,
      [](unsigned long long) { return ~0U; },
      [&](unsigned long long, uint4& v, unsigned kept) { return mask_vector<Bits>(above, v, kept, counts); },
      [&](unsigned long long at) {
        count_masked(tallies, slice, at, slices::global(static_cast<const Bits*>(slice.weights))[at], true, counts);
      });
}

extern "C" __global__ void __launch_bounds__(256, 4)
    coppice_zeros(const MaskedParameters p) {
  for_tiles(p, SMALL_TILES, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      count_zeros<uint16_t>(p.tallies, slice, tile, counts);
    } else {
      count_zeros<uint32_t>(p.tallies, slice, tile, counts);
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
