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
//   coppice_n_of_m  a thread an element, groups in shared memory; n_of_m_2_4.cu says which slices it takes
//                   instead. 256 threads, 64 + (GROUPS_TILE + 512) * 4 bytes of shared memory, by magnitude;
//                   8 instead of 4 by Philox and scores. With block = m * inner, tiles of a slice:
//                     block <= GROUPS_TILE: ceil(elements / block / (GROUPS_TILE / block))
//                     else, strips of width = GROUPS_TILE / m / 32 * 32 neighbours along the innermost
//                     axis: elements / block * ceil(inner / width)
//
// What limits it: instructions, not bytes. sm_90's code has some 13 a comparison, of which an element makes m,
// and some 100 besides; the memory leaves 27 an element free (16-bit types, n_of_m_2_4.cu) or 55.
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
    // Divisions by what is not known before cost as much as all the rest: few are made.
    const unsigned line = groups.strips ? e / filled : 0;
    const unsigned x = e - line * filled;
    const unsigned j = groups.strips ? line : (groups.step == 1 ? x : x / groups.step) % p.m;
    const unsigned own = line * tile.pitch + tile.lead + x;
    const unsigned long long position = tile.first + line * tile.stride + x;
    const bool inside = x < tile.length;
    bool goes = false;
    if (inside) {
      const Bits weight = staged[own];
      if (own_key(weight) > slice.largest) {
        count_nan(p.tallies, &slice, position);
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

extern "C" __global__ void __launch_bounds__(256, 4)
    coppice_n_of_m(const NOfMParameters p) {
  if (p.ranking == Ranking::MAGNITUDE) {
    n_of_m<true>(p);
  } else {
    n_of_m<false>(p);
  }
}
