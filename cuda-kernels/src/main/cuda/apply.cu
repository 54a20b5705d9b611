// apply: keys below scope.low go, those from scope.high on stay, NaN stays; of those between, which are open,
//
//   EXACT    the first open - go of the scope stay, the others go (SPEC.md, "Order")
//   COLLECT  all stay for the moment and go on the list, in position order, for refine.cu
//
// What goes becomes +0.0. Out come the weights, in place or elsewhere, or a mask, or both, and tallies.
//
// Bytes an element: 2 or 4 read and as many written, 4 more read with scores, 1/8 written for a mask; 16 for
// each open element that is collected. In place a warp's row of 32 vectors that stays as it was is not written,
// so that pruning what was pruned already is a read.
// Launch: 256 threads, persistent, 4 blocks a multiprocessor (64 registers), 3 where keys are random or scores; a
// tile of 16 KiB at a time is in registers, 64 bytes a thread: 64 KiB in flight a multiprocessor. A warp's 4
// rows of 512 bytes lie side by side, so that (warp, row, lane, element) is position order. Open elements are
// ranked in the same pass by look-back (lookback.cuh); tiles of scopes with none open do not take part.
#include "apply.cuh"

#include "lookback.cuh"
#include "ranking.cuh"
#include "tallies.cuh"

extern __shared__ uint4 coppice_shared[];

namespace apply {

using slices::ALL;
using slices::ALL_LANES;
using slices::Bits;
using slices::LANES;
using slices::WARP;

constexpr unsigned VECTORS = slices::TILE_VECTORS / APPLY_THREADS;  // of a thread

// A tile of a slice. Its lanes are counted from its first vector's.
struct Tile {
  const Slice& slice;
  unsigned long long origin;  // lanes from the 16-byte boundary before the slice to lane 0
};

// Lanes of a thread's vectors, a bit each.
template <typename B>
class Lanes {
 public:
  using Word = std::conditional_t<(VECTORS * LANES<B> <= 32), unsigned, unsigned long long>;

  __device__ Word bits() const { return bits_; }
  __device__ unsigned operator[](unsigned i) const {
    return static_cast<unsigned>(bits_ >> i * LANES<B>) & ALL_LANES<B>;
  }
  // Adds lanes of vector i.
  __device__ void add(unsigned i, unsigned lanes) { bits_ |= static_cast<Word>(lanes) << i * LANES<B>; }

 private:
  Word bits_ = 0;
};

// What a thread holds of a tile.
template <typename B>
struct Held {
  uint4 vector[VECTORS];
  Lanes<B> valid;
  Lanes<B> zero;  // before
  Lanes<B> goes;
  Lanes<B> open;
};

// The tile's vector that is a thread's i-th.
__device__ inline unsigned vector_of(unsigned i) {
  return (threadIdx.x / WARP * VECTORS + i) * WARP + threadIdx.x % WARP;
}

template <typename B>
__device__ inline void load(const Tile& tile, Held<B>& held) {
  constexpr unsigned size = slices::TILE_ELEMENTS<B>;
  const B* lanes = slices::origin<B>(tile.slice) + tile.origin;
  const unsigned begin = tile.origin == 0 ? tile.slice.lead : 0;
  const auto end = static_cast<unsigned>(
      min(0ULL + size, tile.slice.lead + tile.slice.elements - tile.origin));
  if (begin == 0 && end == size) {
#pragma unroll
    for (unsigned i = 0; i < VECTORS; i++) {
      held.vector[i] = reinterpret_cast<const uint4*>(lanes)[vector_of(i)];
      held.valid.add(i, ALL_LANES<B>);
    }
    return;
  }
#pragma unroll
  for (unsigned i = 0; i < VECTORS; i++) {
    const unsigned first = vector_of(i) * LANES<B>;
    held.valid.add(i, slices::lanes_within<B>(first, begin, end));
    held.vector[i] = slices::load<B>(lanes + first, held.valid[i]);
  }
}

// A bound of keys, brought into 32 bits where there are 31-bit keys: what is larger than infinity is NaN, and
// stays.
template <Ranking R>
using Bound = std::conditional_t<R == Ranking::PHILOX, unsigned long long, unsigned>;

template <Ranking R>
__device__ inline Bound<R> bound(const Slice& slice, unsigned long long key) {
  if constexpr (R == Ranking::PHILOX) {
    return key;
  } else {
    const unsigned largest = R == Ranking::SCORES ? ranking::F32_INFINITY : slice.largest;
    return static_cast<unsigned>(min(key, largest + 1ULL));
  }
}

template <Ranking R, Form F>
__device__ inline void classify(const ApplyParameters& p, const Tile& tile, const Scope& scope,
                                Held<Bits<F>>& held) {
  using B = Bits<F>;
  const auto low = bound<R>(tile.slice, scope.low);
  const auto high = bound<R>(tile.slice, scope.high);
  // Where keys cost much to find, one vector's at a time are enough for the registers: the others go round.
#pragma unroll(R == Ranking::MAGNITUDE ? VECTORS : 1)
  for (unsigned i = 0; i < VECTORS; i++) {
    const uint4 vector = held.vector[0];
#pragma unroll
    for (unsigned j = 1; j < VECTORS; j++) {
      held.vector[j - 1] = held.vector[j];
    }
    held.vector[VECTORS - 1] = vector;
    unsigned keys[LANES<B>];
    const unsigned long long first = tile.origin - tile.slice.lead + vector_of(i) * LANES<B>;
    const unsigned nans = ranking::keys<R, F>(tile.slice, p.seed, vector, first, held.valid[i], keys);
    unsigned zero = 0;
    unsigned goes = 0;
    unsigned below = 0;
#pragma unroll
    for (unsigned j = 0; j < LANES<B>; j++) {
      zero |= is_zero(slices::lane<B>(vector, j)) ? 1U << j : 0;
      goes |= keys[j] < low ? 1U << j : 0;
      below |= keys[j] < high ? 1U << j : 0;
    }
    // A NaN's magnitude is above both bounds.
    const unsigned decided = R == Ranking::MAGNITUDE ? held.valid[i] : held.valid[i] & ~nans;
    held.zero.add(i, zero & held.valid[i]);
    held.goes.add(i, goes & decided);
    held.open.add(i, below & ~goes & decided);
  }
}

// How many of a row's open elements there are up to each of a thread's vectors, it included: two rows a word.
struct Prefix {
  unsigned pair[VECTORS / 2];

  __device__ unsigned upto(unsigned i) const { return pair[i / 2] >> i % 2 * 16 & 0xFFFFU; }
};

template <typename B>
__device__ inline Prefix scan(const Held<B>& held) {
  Prefix prefix;
#pragma unroll
  for (unsigned i = 0; i < VECTORS; i += 2) {
    prefix.pair[i / 2] = slices::warp_scan(__popc(held.open[i]) | __popc(held.open[i + 1]) << 16);
  }
  return prefix;
}

// What a block shares. Each thread has places of its own, which are there to spare registers.
struct Shared {
  lookback::Ranks ranks;
  tallies::Counts counts[APPLY_THREADS];
  Prefix prefix[APPLY_THREADS];
};
static_assert(sizeof(Shared) <= APPLY_SHARED);

// The set without its first n members.
__device__ inline unsigned without_first(unsigned set, unsigned n) {
  for (; n > 0 && set != 0; n--) {
    set &= set - 1;
  }
  return set;
}

// Of the open elements the first ones stay, up to the scope's open - go.
template <typename B>
__device__ inline void settle(const Scope& scope, const lookback::Ranks& ranks, const Prefix& prefix,
                              Held<B>& held) {
  const unsigned long long stay = scope.open - scope.go;
  const unsigned here =
      stay <= ranks.before ? 0
                           : static_cast<unsigned>(min(stay - ranks.before, 0ULL + ranks.total));
#pragma unroll
  for (unsigned i = 0; i < VECTORS; i++) {
    const unsigned open = __popc(held.open[i]);
    const unsigned before = ranks.row[threadIdx.x / WARP * VECTORS + i] + prefix.upto(i) - open;
    if (here < before + open) {
      held.goes.add(i, without_first(held.open[i], here <= before ? 0 : here - before));
    }
  }
}

// Appends the open elements to the list.
template <Ranking R, Form F>
__device__ inline void collect(const ApplyParameters& p, const Tile& tile, const Scope& scope,
                               const lookback::Ranks& ranks, const Prefix& prefix,
                               const Held<Bits<F>>& held, unsigned index) {
#pragma unroll
  for (unsigned i = 0; i < VECTORS; i++) {
    unsigned open = held.open[i];
    const unsigned before = ranks.row[threadIdx.x / WARP * VECTORS + i] + prefix.upto(i) - __popc(open);
    const unsigned long long first = tile.origin - tile.slice.lead + vector_of(i) * LANES<Bits<F>>;
    for (OpenElement* next = p.list + (scope.list + ranks.before + before); open != 0; open &= open - 1) {
      const unsigned long long element = first + (__ffs(open) - 1);
      *next++ = {element, ranking::key<R, F>(tile.slice, p.seed, element), index};
    }
  }
}

template <typename B>
__device__ inline void count(const Held<B>& held, tallies::Counts& counts) {
  const auto zero = held.zero.bits();
  const auto goes = held.goes.bits();
  counts.pruned += __popcll(goes);
  counts.newly_zero += __popcll(goes & ~zero);
  counts.zeros += __popcll(goes | zero);
}

__device__ inline bool differ(const uint4& a, const uint4& b) {
  return ((a.x ^ b.x) | (a.y ^ b.y) | (a.z ^ b.z) | (a.w ^ b.w)) != 0;
}

template <typename B>
__device__ inline void write(const Tile& tile, const Held<B>& held) {
  const Slice& slice = tile.slice;
  const bool in_place = slice.pruned == slice.weights;
  B* lanes = static_cast<B*>(slices::global(slice.pruned)) - slice.lead + tile.origin;
  const bool aligned = reinterpret_cast<uintptr_t>(lanes) % 16 == 0;
#pragma unroll
  for (unsigned i = 0; i < VECTORS; i++) {
    const uint4 pruned = slices::without<B>(held.vector[i], held.goes[i]);
    if (__any_sync(ALL, !in_place || differ(pruned, held.vector[i]))) {
      slices::store(lanes + vector_of(i) * LANES<B>, pruned, held.valid[i], aligned);
    }
  }
}

// Sets the bits of the elements that stay: 32 of them meet in one lane of a group. Where the slice does not
// begin at a 16-byte boundary they lie across two words, and rows share the words at their ends.
template <typename B>
__device__ inline void write_mask(const Tile& tile, const Held<B>& held) {
  constexpr unsigned group = 32 / LANES<B>;
  const unsigned lane = threadIdx.x % WARP;
#pragma unroll
  for (unsigned i = 0; i < VECTORS; i++) {
    unsigned bits = (held.valid[i] & ~held.goes[i]) << lane % group * LANES<B>;
    for (unsigned distance = 1; distance < group; distance *= 2) {
      bits |= __shfl_xor_sync(ALL, bits, distance);
    }
    const unsigned previous = __shfl_up_sync(ALL, bits, group);
    // The element of the first bit, before the slice's first where the slice begins within a vector.
    const auto first =
        static_cast<long long>(tile.origin + vector_of(i) / group * 32 - tile.slice.lead);
    const auto shift = static_cast<unsigned>(first & 31);
    unsigned* word = slices::global(tile.slice.mask) + (first >> 5);
    const unsigned before = shift == 0 || lane < group ? 0 : previous >> (32 - shift);
    const unsigned own = bits << shift | before;
    const unsigned after = shift == 0 ? 0 : bits >> (32 - shift);
    if (lane == 0 && shift != 0 && own != 0) {
      atomicOr(word, own);
    } else if (lane % group == 0 && own != 0) {
      *word = own;
    }
    if (lane == WARP - group && after != 0) {
      atomicOr(word + 1, after);
    }
  }
}

template <Ranking R, Form F>
__device__ inline void prune(const ApplyParameters& p, unsigned index, unsigned long long number,
                             Shared& shared) {
  using B = Bits<F>;
  const Tile tile = {p.slices[index],
                     (number - p.slices[index].first_tile) * slices::TILE_ELEMENTS<B>};
  Scope& scope = p.scopes[tile.slice.scope];
  Held<B> held;
  lookback::Ranks& ranks = shared.ranks;
  load(tile, held);
  lookback::ask(ranks, p.status);
  classify<R, F>(p, tile, scope, held);
  if (scope.low != scope.high) {
    Prefix& prefix = shared.prefix[threadIdx.x];
    prefix = scan(held);
    if (threadIdx.x % WARP == WARP - 1) {
#pragma unroll
      for (unsigned i = 0; i < VECTORS; i++) {
        ranks.row[threadIdx.x / WARP * VECTORS + i] = prefix.upto(i);
      }
    }
    constexpr unsigned long long size = slices::TILE_ELEMENTS<B>;
    const Slice& slice = tile.slice;
    const bool begins = tile.origin == 0 && (slice.flags & SCOPE_BEGINS) != 0;
    const bool ends =
        (slice.flags & SCOPE_ENDS) != 0 && tile.origin + size >= slice.lead + slice.elements;
    lookback::rank_rows(ranks, p.status, slice.first_tile + tile.origin / size, begins, &scope.passed,
                        ends ? &scope.passed : nullptr);
    if (p.mode == Mode::EXACT) {
      settle(scope, ranks, prefix, held);
    } else {
      collect<R, F>(p, tile, scope, ranks, prefix, held, shared.counts[threadIdx.x].slice);
    }
  }
  count(held, shared.counts[threadIdx.x]);
  if (tile.slice.pruned != nullptr) {
    write(tile, held);
  }
  if (tile.slice.mask != nullptr) {
    write_mask(tile, held);
  }
}

template <Ranking R>
__device__ inline void run(const ApplyParameters& p) {
  if (!slices::needed(*p.state, p.when) || (p.mode == Mode::COLLECT && p.state->swept != 0)) {
    return;
  }
  auto& shared = *reinterpret_cast<Shared*>(coppice_shared);
  tallies::Counts& counts = shared.counts[threadIdx.x];
  counts = {};
  lookback::ask(shared.ranks, p.status);
  for (unsigned long long tile; (tile = lookback::take(shared.ranks)) < p.tiles;) {
    const unsigned index = slices::find(p.slices, p.slice_count, counts.slice, tile);
    tallies::turn_to(p.tallies, p.slices, counts, index);
    switch (p.slices[index].form) {
      case Form::F32:
        prune<R, Form::F32>(p, index, tile, shared);
        break;
      case Form::HALF:
        prune<R, Form::HALF>(p, index, tile, shared);
        break;
      case Form::F16_AS_F32:
        prune<R, Form::F16_AS_F32>(p, index, tile, shared);
        break;
    }
  }
  tallies::add(p.tallies, p.slices, counts);
}

}  // namespace apply

extern "C" __global__ void __launch_bounds__(256, 4) coppice_apply_magnitude(const ApplyParameters p) {
  apply::run<Ranking::MAGNITUDE>(p);
}

extern "C" __global__ void __launch_bounds__(256, 3) coppice_apply_philox(const ApplyParameters p) {
  apply::run<Ranking::PHILOX>(p);
}

extern "C" __global__ void __launch_bounds__(256, 3) coppice_apply_scores(const ApplyParameters p) {
  apply::run<Ranking::SCORES>(p);
}
