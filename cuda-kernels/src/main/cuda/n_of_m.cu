// n_of_m: keeps n of every m weights along an axis, those that stand last in SPEC.md's order.
//
//   a slice is [elements / (m * inner), m, inner], a group the m elements along the middle axis
//   rank(i) = how many numbers j of its group have key(j) < key(i), or the same key and j > i
//   i is pruned  <=>  i is not NaN, rank(i) < m - n, and no NaN in its group or NaN is kept
//
// Bytes an element: read once and written once, 2 + 2 (16-bit types) or 4 + 4 (32-bit types); scores are
// 4 more, a packed mask 1/8. Slice.form is F32 or HALF, Slice.pruned null writes a mask alone. Launch: any
// number of blocks is correct; 16 times what the device holds at once, at most the tiles, is meant.
//
//   coppice_n_of_m_2_4  inner == 1, 2:4, by magnitude: a vector of 16 bytes holds one group or two, and
//                       nothing leaves the registers. 256 threads, 64 bytes of shared memory.
//                       Tiles of a slice: ceil((lead + elements) * bytes / TILE_BYTES).
//   coppice_n_of_m      all others, a thread an element, groups in shared memory. 256 threads,
//                       64 + (GROUPS_TILE + 512) * 4 bytes of shared memory, by magnitude; 8 instead of 4
//                       by Philox and scores. With block = m * inner, tiles of a slice:
//                         block <= GROUPS_TILE: ceil(elements / block / (GROUPS_TILE / block))
//                         else, strips of width = GROUPS_TILE / m / 32 * 32 neighbours along the innermost
//                         axis: elements / block * ceil(inner / width)
#include "n_of_m.cuh"
#include "tile.cuh"

// A tile of whole groups: element j of the group at `first` in shared memory is at first + j * step.
struct GroupsTile {
  Tile tile;
  unsigned step;
  bool strips;  // line j of the tile holds the elements j of its groups
};

template <typename Bits>
__device__ inline GroupsTile groups_tile(const Slice& slice, unsigned m, unsigned long long tile) {
  const unsigned long long block = m * slice.inner;
  if (block <= GROUPS_TILE) {
    const auto all = static_cast<unsigned>(GROUPS_TILE / block * block);
    const unsigned long long first = tile * all;
    const auto length = static_cast<unsigned>(min(slice.elements - first, 0ULL + all));
    return {make_tile<Bits>(slice, first, 1, length, length), static_cast<unsigned>(slice.inner), false};
  }
  const unsigned width = GROUPS_TILE / m / 32 * 32;
  const unsigned long long strips = (slice.inner + width - 1) / width;
  const unsigned long long x = tile % strips * width;
  const Tile made =
      make_tile<Bits>(slice, tile / strips * block + x, m,
                      static_cast<unsigned>(min(slice.inner - x, 0ULL + width)), slice.inner);
  return {made, made.pitch, true};
}

// How a number stands in its group.
struct Standing {
  unsigned before = 0;
  bool nan = false;
};

template <bool MAGNITUDE, typename Bits>
__device__ inline Standing stand(const Slice& slice, const GroupsTile& groups, unsigned m,
                                 unsigned first, unsigned j, const Bits* staged, const unsigned* keys) {
  const auto key = [&](unsigned at) { return MAGNITUDE ? own_key(staged[at]) : keys[at]; };
  const unsigned own = key(first + j * groups.step);
  Standing standing;
  unsigned at = first;
  for (unsigned other = 0; other < m; other++) {
    const bool nan = own_key(staged[at]) > slice.largest;
    const unsigned theirs = key(at);
    // By magnitude a NaN stands behind every number as it is.
    standing.before += (theirs < own || (theirs == own && other > j)) && (MAGNITUDE || !nan);
    standing.nan |= nan;
    at += groups.step;
  }
  return standing;
}

// Decides about this thread's elements, every blockDim-th of the tile's with lines filled up to whole
// warps, and writes them.
template <bool MAGNITUDE, typename Bits>
__device__ inline void settle_groups(const NOfMParameters& p, const Slice& slice,
                                     const GroupsTile& groups, const Bits* staged,
                                     const unsigned* keys, Counts& counts) {
  const Tile& tile = groups.tile;
  auto* pruned = slices::global(static_cast<Bits*>(slice.pruned));
  const unsigned filled = round_up(tile.length, 32U);
  for (unsigned e = threadIdx.x; e < tile.lines * filled; e += blockDim.x) {
    const unsigned line = e / filled;
    const unsigned x = e % filled;
    const unsigned j = groups.strips ? line : x % (groups.step * p.m) / groups.step;
    const unsigned own = line * tile.pitch + tile.lead + x;
    const unsigned long long position = tile.first + line * tile.stride + x;
    const bool inside = x < tile.length;
    bool goes = false;
    if (inside) {
      const Bits weight = staged[own];
      if (own_key(weight) > slice.largest) {
        count_nan(counts, slice, position);
      } else {
        const Standing standing =
            stand<MAGNITUDE>(slice, groups, p.m, own - j * groups.step, j, staged, keys);
        goes = standing.before < p.m - p.n && (p.keep_nan != 0 || !standing.nan);
        count_settled(counts, goes, is_zero(weight));
      }
      if (pruned != nullptr) {
        pruned[position] = goes ? Bits{0} : weight;
      }
    }
    if (slice.mask != nullptr) {
      const unsigned kept = __ballot_sync(ALL_LANES, inside && !goes);
      if (threadIdx.x % 32 == 0) {
        or_mask(slice.mask, static_cast<long long>(position), kept);
      }
    }
  }
}

template <bool MAGNITUDE, typename Bits>
__device__ inline void select_groups(const NOfMParameters& p, const Slice& slice,
                                     unsigned long long tile, Counts& counts) {
  auto* staged = reinterpret_cast<Bits*>(coppice_shared + TILE_HEADER);
  auto* keys = reinterpret_cast<unsigned*>(coppice_shared + TILE_HEADER) + GROUPS_TILE + 512;
  const GroupsTile groups = groups_tile<Bits>(slice, p.m, tile);
  __syncthreads();
  stage(slice, groups.tile, staged);
  if constexpr (!MAGNITUDE) {
    stage_keys(slice, groups.tile, p.ranking, p.seed, keys);
  }
  __syncthreads();
  settle_groups<MAGNITUDE>(p, slice, groups, staged, keys, counts);
}

template <bool MAGNITUDE>
__device__ inline void n_of_m(const NOfMParameters& p) {
  for_tiles(p, SMALL_TILES, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      select_groups<MAGNITUDE, uint16_t>(p, slice, tile, counts);
    } else {
      select_groups<MAGNITUDE, uint32_t>(p, slice, tile, counts);
    }
  });
}

extern "C" __global__ void __launch_bounds__(256, 2)
    coppice_n_of_m(const NOfMParameters p) {
  if (p.ranking == Ranking::MAGNITUDE) {
    n_of_m<true>(p);
  } else {
    n_of_m<false>(p);
  }
}

// Which of four weights are kept.
struct KeptOfFour {
  bool a, b, c, d;
};

__device__ inline bool majority(bool a, bool b, bool c) { return (a & b) | (c & (a | b)); }

// The two of four that win two or more of their three comparisons; equals are won by the one before.
__device__ inline KeptOfFour keep_two(unsigned a, unsigned b, unsigned c, unsigned d) {
  const bool ab = a >= b;
  const bool ac = a >= c;
  const bool ad = a >= d;
  const bool bc = b >= c;
  const bool bd = b >= d;
  const bool cd = c >= d;
  return {majority(ab, ac, ad), majority(!ab, bc, bd), majority(!ac, !bc, cd),
          majority(!ad, !bd, !cd)};
}

// Decides about a group, given its keys, and counts it.
__device__ inline KeptOfFour decide_four(const NOfMParameters& p, const Slice& slice,
                                         unsigned long long position, uint4 key, Counts& counts) {
  KeptOfFour kept = keep_two(key.x, key.y, key.z, key.w);
  if (max(max(key.x, key.y), max(key.z, key.w)) <= slice.largest) {
    const unsigned zeros = (key.x == 0) + (key.y == 0) + (key.z == 0) + (key.w == 0);
    counts.pruned += 2;
    counts.newly_zero += 2 - min(zeros, 2U);
    counts.zeros += max(zeros, 2U);
    return kept;
  }
  const auto settle = [&](unsigned own, bool keep, unsigned i) {
    if (own > slice.largest) {
      count_nan(counts, slice, position + i);
      return true;
    }
    keep |= p.keep_nan == 0;
    count_settled(counts, !keep, own == 0);
    return keep;
  };
  return {settle(key.x, kept.a, 0), settle(key.y, kept.b, 1), settle(key.z, kept.c, 2),
          settle(key.w, kept.d, 3)};
}

__device__ inline unsigned bits_of(KeptOfFour kept) {
  return static_cast<unsigned>(kept.a) | static_cast<unsigned>(kept.b) << 1 |
         static_cast<unsigned>(kept.c) << 2 | static_cast<unsigned>(kept.d) << 3;
}

// The two groups of 16-bit weights, or the one of 32-bit weights, in 16 bytes. Gives the kept as bits.
template <typename Bits>
__device__ inline unsigned select_vector(const NOfMParameters& p, const Slice& slice,
                                         unsigned long long position, uint4& v, Counts& counts) {
  if constexpr (sizeof(Bits) == 2) {
    constexpr unsigned magnitude = 0x7FFF0000U;
    const auto half = [&](unsigned& low, unsigned& high, unsigned at) {
      const uint4 keys = {low << 16 & magnitude, low & magnitude, high << 16 & magnitude,
                          high & magnitude};
      const KeptOfFour kept = decide_four(p, slice, position + at, keys, counts);
      low &= (kept.a ? 0xFFFFU : 0) | (kept.b ? 0xFFFF0000U : 0);
      high &= (kept.c ? 0xFFFFU : 0) | (kept.d ? 0xFFFF0000U : 0);
      return bits_of(kept) << at;
    };
    const unsigned first = half(v.x, v.y, 0);
    return first | half(v.z, v.w, 4);
  } else {
    const uint4 keys = {own_key(v.x), own_key(v.y), own_key(v.z), own_key(v.w)};
    const KeptOfFour kept = decide_four(p, slice, position, keys, counts);
    v = {kept.a ? v.x : 0, kept.b ? v.y : 0, kept.c ? v.z : 0, kept.d ? v.w : 0};
    return bits_of(kept);
  }
}

// The groups of a vector that no 16-byte access reaches: cut by the slice's ends, or not aligned.
template <typename Bits>
__device__ inline unsigned select_edge(const NOfMParameters& p, const Slice& slice, long long position,
                                       Counts& counts) {
  const auto* weights = slices::global(static_cast<const Bits*>(slice.weights));
  auto* pruned = slices::global(static_cast<Bits*>(slice.pruned));
  unsigned bits = 0;
  for (unsigned at = 0; at < 16 / sizeof(Bits); at += 4) {
    const long long first = position + at;
    if (first < 0 || first >= static_cast<long long>(slice.elements)) {
      continue;
    }
    const Bits a = weights[first];
    const Bits b = weights[first + 1];
    const Bits c = weights[first + 2];
    const Bits d = weights[first + 3];
    const KeptOfFour kept =
        decide_four(p, slice, static_cast<unsigned long long>(first),
                    {own_key(a), own_key(b), own_key(c), own_key(d)}, counts);
    if (pruned != nullptr) {
      pruned[first] = kept.a ? a : Bits{0};
      pruned[first + 1] = kept.b ? b : Bits{0};
      pruned[first + 2] = kept.c ? c : Bits{0};
      pruned[first + 3] = kept.d ? d : Bits{0};
    }
    bits |= bits_of(kept) << at;
  }
  return bits;
}

// Adds the kept of the warp's neighbouring vectors to the mask.
template <typename Bits>
__device__ inline void mask_vectors(unsigned* mask, long long position, unsigned bits) {
  constexpr unsigned lanes = 16 / sizeof(Bits);
  const unsigned lane = threadIdx.x % (32 / lanes);
  bits <<= lane * lanes;
  for (unsigned distance = 32 / lanes / 2; distance > 0; distance /= 2) {
    bits |= __shfl_xor_sync(ALL_LANES, bits, static_cast<int>(distance));
  }
  if (lane == 0) {
    or_mask(mask, position, bits);
  }
}

// 16 KiB from the 16-byte boundary at or before the slice on, four vectors of a thread in flight.
template <typename Bits>
__device__ inline void select_two_of_four(const NOfMParameters& p, const Slice& slice,
                                          unsigned long long tile, Counts& counts) {
  constexpr unsigned lanes = 16 / sizeof(Bits);
  constexpr unsigned vectors = TILE_BYTES / 16;
  const auto* weights = slices::global(static_cast<const Bits*>(slice.weights));
  auto* pruned = slices::global(static_cast<Bits*>(slice.pruned));
  // Groups begin at the slice's first element, so vectors do where that is aligned to a group.
  const bool aligned =
      slice.lead % 4 == 0 && (pruned == nullptr || reinterpret_cast<uintptr_t>(pruned) % 16 ==
                                                       slice.lead * sizeof(Bits));
  const long long before = slice.lead / 4 * 4;
  const auto elements = static_cast<long long>(slice.elements);
  for (unsigned v = threadIdx.x; v < vectors; v += 4 * blockDim.x) {
    const auto first = static_cast<long long>((tile * vectors + v) * lanes) - before;
    const long long step = blockDim.x * lanes;
    const auto whole = [&](long long at) { return aligned && at >= 0 && at + lanes <= elements; };
    const auto read = [&](unsigned i) {
      const long long at = first + i * step;
      return whole(at) ? *reinterpret_cast<const uint4*>(weights + at) : uint4{};
    };
    const auto select = [&](unsigned i, uint4 held) {
      const long long at = first + i * step;
      unsigned kept = 0;
      if (whole(at)) {
        kept = select_vector<Bits>(p, slice, static_cast<unsigned long long>(at), held, counts);
        if (pruned != nullptr) {
          store_vector(pruned + at, held);
        }
      } else {
        kept = select_edge<Bits>(p, slice, at, counts);
      }
      if (slice.mask != nullptr) {
        mask_vectors<Bits>(slice.mask, at, kept);
      }
    };
    const uint4 held0 = read(0);
    const uint4 held1 = read(1);
    const uint4 held2 = read(2);
    const uint4 held3 = read(3);
    select(0, held0);
    select(1, held1);
    select(2, held2);
    select(3, held3);
  }
}

extern "C" __global__ void __launch_bounds__(256, 2)
    coppice_n_of_m_2_4(const NOfMParameters p) {
  for_tiles(p, SMALL_TILES, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      select_two_of_four<uint16_t>(p, slice, tile, counts);
    } else {
      select_two_of_four<uint32_t>(p, slice, tile, counts);
    }
  });
}
