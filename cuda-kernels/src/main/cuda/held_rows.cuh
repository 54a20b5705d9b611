// Selection within a row that a warp or a block holds in registers, by magnitude. The threshold is found by
// bisection: each round counts the keys below a middle, two of 16 bits at once, and halves where it can be.
#pragma once
#include "lanes.cuh"
#include "select_rows.cuh"

namespace held_rows {

constexpr unsigned VECTORS = 8;  // of 16 bytes, the most a thread holds

constexpr unsigned SUMS = 33;    // numbers, zeros, and a round for each bit of a key

// A team's shared memory, in place of a Row. Each sum has a word of its own: one barrier a sum is enough.
struct Words {
  unsigned sums[SUMS];
  unsigned ties[32];   // elements at the threshold that each warp holds
};
static_assert(sizeof(Words) <= ROW_BYTES);

// Adds up over a warp, in every lane.
__device__ inline unsigned sum_of_warp(unsigned value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  return slices::warp_sum(value);
#else
  return __reduce_add_sync(ALL_LANES, value);
#endif
}

// Adds up over the team, in every thread; `sum` is zero before.
template <typename Team>
__device__ inline unsigned sum_of_team(unsigned value, unsigned* sum) {
  const unsigned own = sum_of_warp(value);
  if constexpr (Team::ONE_WARP) {
    return own;
  }
  if (threadIdx.x % 32 == 0) {
    atomicAdd(sum, own);
  }
  Team::sync();
  return *sum;
}

// Adds up over the warps before this one.
template <typename Team>
__device__ inline unsigned sum_before(unsigned value, unsigned* sums) {
  if constexpr (Team::ONE_WARP) {
    return 0;
  }
  const unsigned own = sum_of_warp(value);
  if (threadIdx.x % 32 == 0) {
    sums[threadIdx.x / 32] = own;
  }
  Team::sync();
  unsigned before = 0;
  for (unsigned w = 0; w < threadIdx.x / 32; w++) {
    before += sums[w];
  }
  return before;
}

// bound - key has TOP where key < limit.
template <typename Bits>
__device__ inline unsigned bound_of(unsigned limit) {
  return limit == 0 ? ~lanes::TOP<Bits> : lanes::everywhere<Bits>(limit - 1) | lanes::TOP<Bits>;
}

// Adds to `sum` the keys of a vector below a bound: 1 each, or 128 each for 16-bit keys, whose TOPs are gathered in
// the bytes of a word and added by one instruction.
template <typename Bits>
__device__ inline unsigned add_below(const uint4& key, unsigned bound, unsigned sum) {
  const uint4 found = {bound - key.x, bound - key.y, bound - key.z, bound - key.w};
  if constexpr (sizeof(Bits) == 2) {
    sum = __dp4a(__byte_perm(found.x, found.y, 0x7531) & 0x80808080U, 0x01010101U, sum);
    return __dp4a(__byte_perm(found.z, found.w, 0x7531) & 0x80808080U, 0x01010101U, sum);
  } else {
    return sum + (found.x >> 31) + (found.y >> 31) + (found.z >> 31) + (found.w >> 31);
  }
}

template <typename Bits>
constexpr unsigned UNIT = sizeof(Bits) == 2 ? 128 : 1;  // of what add_below() adds

// Which of a row's numbers go.
struct Threshold {
  unsigned key;   // all below go,
  unsigned go;    //   of those at it the last `go`,
  unsigned stay;  //   and the first `stay` do not
};

template <typename Team, typename Bits>
struct HeldRow {
  static constexpr unsigned LANES = slices::LANES<Bits>;

  const Bits* weights;       // of the row's first element
  Bits* pruned;              //   and where it goes
  bool aligned;              // vectors are written as they are read
  int length;
  int before;                // elements between the 16-byte boundary at or before the row, and it
  unsigned share;            // vectors a thread
  uint4 keys[VECTORS];       // as lanes.cuh has them, a NaN's where the row has no element

  // Where this thread's vector i begins, from the row's beginning. A warp's vectors are neighbours, so that ties are
  // met in order.
  __device__ int begin(unsigned i) const {
    const unsigned vector = (Team::thread() / 32 * share + i) * 32 + threadIdx.x % 32;
    return static_cast<int>(vector * LANES) - before;
  }
  __device__ unsigned inside(int x) const { return slices::lanes_within<Bits, int>(x, 0, length); }

  template <typename Visit>
  __device__ void for_vectors(Visit visit) const {
#pragma unroll
    for (unsigned i = 0; i < VECTORS; i++) {
      if (i >= share) {
        break;
      }
      visit(i);
    }
  }

  __device__ void load() {
    for_vectors([&](unsigned i) {
      const int x = begin(i);
      const unsigned none = inside(x) ^ slices::ALL_LANES<Bits>;
      const uint4 words = slices::load<Bits>(weights + x, inside(x));
      constexpr unsigned each = 4 / sizeof(Bits);
      keys[i] = {(words.x | lanes::spread<Bits>(none)) & ~lanes::TOP<Bits>,
                 (words.y | lanes::spread<Bits>(none >> each)) & ~lanes::TOP<Bits>,
                 (words.z | lanes::spread<Bits>(none >> 2 * each)) & ~lanes::TOP<Bits>,
                 (words.w | lanes::spread<Bits>(none >> 3 * each)) & ~lanes::TOP<Bits>};
    });
  }

  __device__ unsigned count_below(unsigned limit, unsigned* sum) const {
    const unsigned bound = bound_of<Bits>(limit);
    unsigned count = 0;
    for_vectors([&](unsigned i) { count = add_below<Bits>(keys[i], bound, count); });
    return sum_of_team<Team>(count / UNIT<Bits>, sum);
  }

  // Finds the threshold of the k smallest of so many numbers, all below `high`.
  __device__ Threshold bisect(unsigned k, unsigned zeros, unsigned numbers, unsigned high, unsigned* sum) const {
    unsigned low = 0;  // fewer than k are below
    unsigned below_low = 0;
    unsigned below_high = numbers;
    unsigned middle = 1;
    unsigned below = zeros;
    while (true) {
      if (below < k) {
        low = middle;
        below_low = below;
      } else {
        high = middle;
        below_high = below;
      }
      if (high - low == 1 || below_high == k) {
        break;
      }
      middle = low + (high - low) / 2;
      below = count_below(middle, sum++);
    }
    return below_high == k ? Threshold{high, 0, 0} : Threshold{low, k - below_low, below_high - k};
  }

  __device__ unsigned ties(unsigned i, unsigned key) const {
    return (add_below<Bits>(keys[i], bound_of<Bits>(key + 1), 0) - add_below<Bits>(keys[i], bound_of<Bits>(key), 0)) /
           UNIT<Bits>;
  }

  // Has TOP where a key of the vector goes, the first `stay` of those at the threshold excepted.
  __device__ uint4 last_ties(const uint4& key, unsigned threshold, unsigned stay) const {
    unsigned words[4] = {key.x, key.y, key.z, key.w};
#pragma unroll
    for (unsigned& word : words) {
      unsigned gone = 0;
#pragma unroll
      for (unsigned shift = 0; shift < 32; shift += 8 * sizeof(Bits)) {
        const unsigned own = word >> shift & lanes::KEY<Bits>;
        const bool tie = own == threshold;
        gone |= (own < threshold || (tie && stay == 0) ? lanes::KEY<Bits> + 1 : 0) << shift;
        stay -= tie && stay != 0;
      }
      word = gone;
    }
    return {words[0], words[1], words[2], words[3]};
  }

  // Calls write(x, gone) for each vector of 16 bytes, `gone` with TOP where an element goes.
  template <typename Write>
  __device__ void settle(const Threshold& threshold, unsigned* warps, Write write) const {
    const unsigned below = bound_of<Bits>(threshold.key);
    const unsigned through = bound_of<Bits>(threshold.key + 1);
    const bool split = threshold.go != 0;
    unsigned met = 0;  // ties, before the warp's next vectors
    if (split) {
      for_vectors([&](unsigned i) { met += ties(i, threshold.key); });
      met = sum_before<Team>(met, warps);
    }
    for_vectors([&](unsigned i) {
      const uint4& key = keys[i];
      unsigned stay = 0;
      unsigned own = 0;
      if (split) {
        own = ties(i, threshold.key);
        const unsigned scan = slices::warp_scan(own);
        const unsigned earlier = met + scan - own;
        stay = earlier < threshold.stay ? min(threshold.stay - earlier, own) : 0;
        met += __shfl_sync(ALL_LANES, scan, 31);
      }
      const unsigned bound = stay < own ? through : below;
      uint4 gone = {bound - key.x, bound - key.y, bound - key.z, bound - key.w};
      if (stay != 0 && stay < own) {
        gone = last_ties(key, threshold.key, stay);
      }
      write(begin(i), gone);
    });
  }

  // The weights are read again, from the cache: their signs would need registers.
  __device__ void write(int x, const uint4& gone) const {
    const uint4 words = slices::load<Bits>(weights + x, inside(x));
    slices::store<Bits>(pruned + x,
                        {words.x & ~lanes::fill<Bits>(gone.x), words.y & ~lanes::fill<Bits>(gone.y),
                         words.z & ~lanes::fill<Bits>(gone.z), words.w & ~lanes::fill<Bits>(gone.w)},
                        inside(x), aligned);
  }

  // Sets the bits of what stays, where the row begins at `first` of the slice.
  __device__ void write_mask(unsigned* mask, unsigned long long first, int x, const uint4& gone) const {
    constexpr unsigned each = 4 / sizeof(Bits);
    const unsigned bits = lanes::gather<Bits>(gone.x) | lanes::gather<Bits>(gone.y) << each |
                          lanes::gather<Bits>(gone.z) << 2 * each | lanes::gather<Bits>(gone.w) << 3 * each;
    or_mask(mask, static_cast<long long>(first) + x, inside(x) & ~bits);
  }
};

// Whether a team's registers hold any row of a slice.
template <typename Team, typename Bits>
__device__ inline bool fit(const Slice& slice) {
  constexpr unsigned lanes = slices::LANES<Bits>;
  const unsigned most_before = (slice.lead | slice.inner) % lanes == 0 ? 0 : lanes - 1;
  return slice.elements == slice.rows * slice.inner &&
         most_before + slice.inner <= Team::threads() * (VECTORS * lanes);
}

// Prunes the row whose first element this is.
template <typename Team, typename Bits>
__device__ inline void select(const RowsParameters& p, const Slice& slice, unsigned long long first,
                              Words* words, Counts& counts) {
  words = shared(words);
  if constexpr (!Team::ONE_WARP) {
    Team::sync();
    for (unsigned i = Team::thread(); i < SUMS; i += Team::threads()) {
      words->sums[i] = 0;
    }
    Team::sync();
  }
  constexpr unsigned lanes = slices::LANES<Bits>;
  const auto length = static_cast<unsigned>(slice.inner);
  const auto before = static_cast<unsigned>((slice.lead + first) % lanes);
  const unsigned round = Team::threads() * lanes;
  const Bits* const weights = slices::global(static_cast<const Bits*>(slice.weights)) + first;
  Bits* const pruned = slices::global(static_cast<Bits*>(slice.pruned));
  unsigned* const mask = slice.mask;
  HeldRow<Team, Bits> row{weights, pruned + first,
                          reinterpret_cast<uintptr_t>(pruned) % 16 == slice.lead * sizeof(Bits),
                          static_cast<int>(length), static_cast<int>(before),
                          (before + length + round - 1) / round, {}};
  row.load();
  const unsigned largest = slice.largest >> (32 - 8 * sizeof(Bits));
  unsigned* const sums = words->sums;
  const unsigned numbers = row.count_below(largest + 1, sums);
  const unsigned zeros = row.count_below(1, sums + 1);
  const unsigned k = amount(p, numbers, length - numbers);
  const Threshold threshold =
      k == 0 ? Threshold{0, 0, 0} : row.bisect(k, zeros, numbers, largest + 1, sums + 2);
  row.settle(threshold, words->ties, [&](int x, const uint4& gone) {
    if (pruned != nullptr) {
      row.write(x, gone);
    }
    if (mask != nullptr) {
      row.write_mask(mask, first, x, gone);
    }
  });
  if (Team::thread() == 0) {  // zeros are the first to go
    counts.pruned += k;
    counts.zeros += max(k, zeros);
    counts.newly_zero += max(k, zeros) - zeros;
  }
  for (unsigned i = Team::thread(); numbers != length && i < length; i += Team::threads()) {
    if (own_key(weights[i]) > slice.largest) {
      count_nan(p.tallies, &slice, first + i);
    }
  }
}

}  // namespace held_rows
