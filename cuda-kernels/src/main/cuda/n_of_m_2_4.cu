// n_of_m_2_4: keeps two of every four weights by magnitude, in place of n_of_m.cu's general kernel.
//
//   a slice is [elements / (4 * inner), 4, inner], a group the four elements along the middle axis
//   i is kept  <=>  it wins two or more of its three comparisons key(i) >= key(j), ties to the one before
//
// Which slices: those with Slice.pruned and no mask, of form F32 or HALF, where
//   inner == 1, or inner % lanes == 0 with lanes = 16 / bytes and `weights` and `pruned` on 16-byte boundaries.
// n_of_m.cu takes the others. 256 threads, 64 bytes of shared memory; tiles of a slice:
// ceil((lead + elements) * bytes / TILE_BYTES); any number of blocks is correct, 16 times what the device holds
// at once, at most the tiles, is meant.
//
// Bytes an element: 2 + 2 (16-bit types) or 4 + 4 (32-bit types). At H200's 4.3 TB/s an SM meets 4.7 or 2.3
// elements a clock, and its integer units do 64 operations a clock: 13 or 27 an element are free. So compares, NaN
// test and tallies work on two 16-bit weights at once, in the lanes of a word: two groups, one in each lane of
// four words, cost what one group of 32-bit weights does. sm_90's code has some 15 instructions an element for
// 16-bit types and 26 for 32-bit types, walking the tiles included, two thirds of them on those units. A thread has
// four loads of 16 bytes in flight, a block 16 KiB; three blocks an SM (80 registers, nothing spilled; 64 would
// spill) have more than the 25 to 30 KiB that saturate the memory.
#include "lanes.cuh"
#include "n_of_m.cuh"
#include "tile.cuh"

namespace two_of_four {

using lanes::TOP;

constexpr unsigned THREADS = 256;
constexpr unsigned IN_FLIGHT = 4;
static_assert(THREADS * IN_FLIGHT == slices::TILE_VECTORS);

// What a slice's selection needs of it, so that no store makes the compiler read it again.
template <typename Bits>
struct Work {
  const Slice& slice;
  Tally* tallies;
  const Bits* weights;
  Bits* pruned;
  unsigned above;  // key + above has TOP for a NaN
  bool keep_nan;
};

template <typename Bits>
__device__ inline Work<Bits> work_on(const NOfMParameters& p, const Slice& slice) {
  return {slice,
          p.tallies,
          slices::global(static_cast<const Bits*>(slice.weights)),
          slices::global(static_cast<Bits*>(slice.pruned)),
          lanes::above<Bits>(slice),
          p.keep_nan != 0};
}

__device__ inline unsigned majority(unsigned a, unsigned b, unsigned c) { return (a & b) | (c & (a | b)); }

// Has TOP in the lanes of the two keys of four that are kept; other bits mean nothing.
template <typename Bits>
__device__ inline uint4 keep_two(const uint4& key) {
  using lanes::at_least;
  const unsigned ab = at_least<Bits>(key.x, key.y);
  const unsigned ac = at_least<Bits>(key.x, key.z);
  const unsigned ad = at_least<Bits>(key.x, key.w);
  const unsigned bc = at_least<Bits>(key.y, key.z);
  const unsigned bd = at_least<Bits>(key.y, key.w);
  const unsigned cd = at_least<Bits>(key.z, key.w);
  return {majority(ab, ac, ad), majority(~ab, bc, bd), majority(~ac, ~bc, cd),
          majority(~ad, ~bd, ~cd)};
}

template <typename Bits>
__device__ inline uint4 keys_of(const uint4& words) {
  return {words.x & ~TOP<Bits>, words.y & ~TOP<Bits>, words.z & ~TOP<Bits>, words.w & ~TOP<Bits>};
}

template <typename Bits>
__device__ inline bool holds_nan(const uint4& words, unsigned above) {
  const uint4 key = keys_of<Bits>(words);
  return (((key.x + above) | (key.y + above) | (key.z + above) | (key.w + above)) & TOP<Bits>) != 0;
}

// Prunes the groups in the lanes of four words, none of them NaN.
template <typename Bits>
__device__ inline void select(uint4& words, Counts& counts) {
  const uint4 key = keys_of<Bits>(words);
  const uint4 kept = keep_two<Bits>(key);
  unsigned kept_numbers = 0;  // that are not zero
  const auto settle = [&](unsigned& word, unsigned own, unsigned keep) {
    const unsigned number = lanes::nonzero<Bits>(own);
    counts.newly_zero += static_cast<unsigned>(__popc(number & ~keep));
    kept_numbers += static_cast<unsigned>(__popc(number & keep));
    word &= lanes::fill<Bits>(keep);
  };
  settle(words.x, key.x, kept.x);
  settle(words.y, key.y, kept.y);
  settle(words.z, key.z, kept.z);
  settle(words.w, key.w, kept.w);
  constexpr unsigned groups = 4 / sizeof(Bits);
  counts.pruned += 2 * groups;
  counts.zeros += 4 * groups - kept_numbers;
}

// Decides about a group by itself, and writes it; elements lie `step` apart. Seldom needed: where a vector holds
// a NaN, at a slice's ends, and where the memory is not aligned.
template <typename Bits>
__attribute__((noinline)) static __device__ Counts settle_group(const Slice* slice, Tally* tallies, bool keep_nan,
                                                               unsigned long long first,
                                                               unsigned long long step) {
  const auto* weights = slices::global(static_cast<const Bits*>(slice->weights)) + first;
  auto* pruned = slices::global(static_cast<Bits*>(slice->pruned)) + first;
  const Bits own[4] = {weights[0], weights[step], weights[2 * step], weights[3 * step]};
  const uint4 key = {own_key(own[0]), own_key(own[1]), own_key(own[2]), own_key(own[3])};
  const uint4 top = keep_two<uint32_t>(key);
  const unsigned tops[4] = {top.x, top.y, top.z, top.w};
  const bool stays = !keep_nan && max(max(key.x, key.y), max(key.z, key.w)) > slice->largest;
  Counts counts;
#pragma unroll
  for (unsigned j = 0; j < 4; j++) {
    const bool nan = own_key(own[j]) > slice->largest;
    const bool goes = !nan && !stays && tops[j] >> 31 == 0;
    if (nan) {
      count_nan(tallies, slice, first + j * step);
    } else {
      count_settled(counts, goes, is_zero(own[j]));
    }
    pruned[j * step] = goes ? Bits{0} : own[j];
  }
  return counts;
}

// The same, adding to the counts.
template <typename Bits>
__device__ inline void settle_group(const Work<Bits>& work, unsigned long long first,
                                    unsigned long long step, Counts& counts) {
  const Counts own = settle_group<Bits>(&work.slice, work.tallies, work.keep_nan, first, step);
  counts.pruned += own.pruned;
  counts.newly_zero += own.newly_zero;
  counts.zeros += own.zeros;
}

// Two groups side by side, as 16-bit weights lie in a vector, to the lanes of four words.
template <typename Bits>
__device__ inline uint4 to_lanes(const uint4& v) {
  return sizeof(Bits) == 4 ? v
                           : uint4{__byte_perm(v.x, v.z, 0x5410), __byte_perm(v.x, v.z, 0x7632),
                                   __byte_perm(v.y, v.w, 0x5410), __byte_perm(v.y, v.w, 0x7632)};
}

template <typename Bits>
__device__ inline uint4 from_lanes(const uint4& v) {
  return sizeof(Bits) == 4 ? v
                           : uint4{__byte_perm(v.x, v.y, 0x5410), __byte_perm(v.z, v.w, 0x5410),
                                   __byte_perm(v.x, v.y, 0x7632), __byte_perm(v.z, v.w, 0x7632)};
}

// A tile of groups whose elements are neighbours: 16 KiB from the 16-byte boundary at or before the slice on.
template <typename Bits>
__device__ inline void select_neighbours(const Work<Bits>& work, unsigned long long tile, Counts& counts) {
  constexpr unsigned each = slices::LANES<Bits>;
  constexpr unsigned step = THREADS * each;
  const Slice& slice = work.slice;
  // Groups begin at the slice's first element, so vectors do where that is aligned to a group.
  const bool aligned = slice.lead % 4 == 0 &&
                       reinterpret_cast<uintptr_t>(work.pruned) % 16 == slice.lead * sizeof(Bits);
  const unsigned long long end = aligned && slice.elements >= each ? slice.elements - each + 1 : 0;
  const auto own = static_cast<long long>((tile * slices::TILE_VECTORS + threadIdx.x) * each) -
                   slice.lead / 4 * 4;
  const auto is_whole = [&](unsigned i) { return static_cast<unsigned long long>(own + i * step) < end; };
  uint4 held[IN_FLIGHT];
#pragma unroll
  for (unsigned i = 0; i < IN_FLIGHT; i++) {
    held[i] = is_whole(i) ? *reinterpret_cast<const uint4*>(work.weights + own + i * step) : uint4{};
  }
  unsigned apart = 0;  // vectors whose groups are settled one by one
#pragma unroll
  for (unsigned i = 0; i < IN_FLIGHT; i++) {
    uint4 words = to_lanes<Bits>(held[i]);
    if (!is_whole(i) || holds_nan<Bits>(words, work.above)) {
      apart |= 1U << i;
    } else {
      select<Bits>(words, counts);
      store_vector(work.pruned + own + i * step, from_lanes<Bits>(words));
    }
  }
  for (; apart != 0; apart &= apart - 1) {
    const unsigned i = static_cast<unsigned>(__ffs(static_cast<int>(apart))) - 1;
#pragma unroll 1
    for (unsigned j = 0; j < each; j += 4) {
      const auto first = static_cast<unsigned long long>(own + i * step + j);
      if (first < slice.elements) {  // nor is it before the slice
        settle_group(work, first, 1, counts);
      }
    }
  }
}

// A tile of groups that lie side by side: four rows of 16 bytes a thread hold eight groups, or four.
template <typename Bits>
__device__ inline void select_columns(const Work<Bits>& work, unsigned long long tile, Counts& counts) {
  constexpr unsigned each = slices::LANES<Bits>;
  const unsigned long long inner = work.slice.inner;
  const unsigned long long column = tile * THREADS + threadIdx.x;  // of 16 bytes
  if (column >= work.slice.elements / (4 * each)) {
    return;
  }
  const unsigned long long at = column * each + column / (inner / each) * 3 * inner;
  const auto read = [&](unsigned j) {
    return *reinterpret_cast<const uint4*>(work.weights + at + j * inner);
  };
  const auto write = [&](unsigned j, unsigned x, unsigned y, unsigned z, unsigned w) {
    store_vector(work.pruned + at + j * inner, {x, y, z, w});
  };
  const uint4 a = read(0);
  const uint4 b = read(1);
  const uint4 c = read(2);
  const uint4 d = read(3);
  uint4 x = {a.x, b.x, c.x, d.x};
  uint4 y = {a.y, b.y, c.y, d.y};
  uint4 z = {a.z, b.z, c.z, d.z};
  uint4 w = {a.w, b.w, c.w, d.w};
  if (holds_nan<Bits>(x, work.above) || holds_nan<Bits>(y, work.above) ||
      holds_nan<Bits>(z, work.above) || holds_nan<Bits>(w, work.above)) {
#pragma unroll 1
    for (unsigned i = 0; i < each; i++) {
      settle_group(work, at + i, inner, counts);
    }
    return;
  }
  select<Bits>(x, counts);
  select<Bits>(y, counts);
  select<Bits>(z, counts);
  select<Bits>(w, counts);
  write(0, x.x, y.x, z.x, w.x);
  write(1, x.y, y.y, z.y, w.y);
  write(2, x.z, y.z, z.z, w.z);
  write(3, x.w, y.w, z.w, w.w);
}

template <typename Bits>
__device__ inline void select_tile(const NOfMParameters& p, const Slice& slice, unsigned long long tile,
                                   Counts& counts) {
  if (slice.inner == 1) {
    select_neighbours(work_on<Bits>(p, slice), tile, counts);
  } else {
    select_columns(work_on<Bits>(p, slice), tile, counts);
  }
}

}  // namespace two_of_four

extern "C" __global__ void __launch_bounds__(256, 3)
    coppice_n_of_m_2_4(const NOfMParameters p) {
  for_tiles(p, SMALL_TILES, [&](const Slice& slice, unsigned long long tile, Counts& counts) {
    if (slice.bytes == 2) {
      two_of_four::select_tile<uint16_t>(p, slice, tile, counts);
    } else {
      two_of_four::select_tile<uint32_t>(p, slice, tile, counts);
    }
  });
}
