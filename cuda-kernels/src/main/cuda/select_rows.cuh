// Selection within rows, by a warp or a block, wherever the weights lie. A Source gives
//   weight(line, column), key(line, column, weight): an element and its key,
//   settle(line, column, weight, goes): writes it,
//   DIGITS: how many digits of 8 bits, from the uppermost, keys differ in.
// Every pass gives a thread the same elements, so that nobody else sees what settle() writes.
#pragma once
#include <cmath>

#include "rows.cuh"
#include "tile.cuh"

// What is known of a row that is being selected.
template <typename Counter>
struct Row {
  Counter bins[256];      // numbers by their next digit
  Counter ties_before[32];  // elements at the threshold in the shares of the warps before
  Counter nans;
  Counter go;             // of those at the threshold, or still open, how many go,
  Counter stay;           //   and how many stay
  unsigned threshold;     // its digits so far
  unsigned open;          // 0: no element goes
};
static_assert(sizeof(Row<unsigned>) <= ROW_BYTES);
static_assert(sizeof(Row<unsigned long long>) <= LONG_ROW_BYTES);

// The threads that select together.
struct WarpTeam {
  static constexpr bool ONE_WARP = true;
  __device__ static unsigned thread() { return threadIdx.x % 32; }
  __device__ static unsigned threads() { return 32; }
  __device__ static void sync() { __syncwarp(); }
};
struct BlockTeam {
  static constexpr bool ONE_WARP = false;
  __device__ static unsigned thread() { return threadIdx.x; }
  __device__ static unsigned threads() { return blockDim.x; }
  __device__ static void sync() { __syncthreads(); }
};

// Neighbouring rows that a team selects together: element (line, column) is the slice's at
// first + line * stride + column, of row column / inner.
template <typename Index>
struct Bundle {
  unsigned long long first;
  unsigned long long stride;
  Index lines;
  Index width;
  unsigned rows;
};

// Calls visit(is an element, line, column) for each step of this warp's share, neighbours in ascending
// order, with all lanes of the warp.
template <typename Team, typename Index, typename Visit>
__device__ inline void walk(const Bundle<Index>& bundle, Visit visit) {
  const Index all = bundle.lines * bundle.width;
  const Index share = (all + Team::threads() - 1) / Team::threads() * 32;
  const Index begin = Team::thread() / 32 * share;
  const Index end = min(begin + share, all);
  const Index own = begin + threadIdx.x % 32;
  Index line = own / bundle.width;
  Index column = own % bundle.width;
  const Index lines = 32 / bundle.width;
  const Index columns = 32 % bundle.width;
  for (Index e = begin; e < end; e += 32) {
    visit(e + threadIdx.x % 32 < all, line, column);
    line += lines;
    column += columns;
    if (column >= bundle.width) {
      column -= bundle.width;
      line++;
    }
  }
}

template <typename Index>
__device__ inline unsigned row_of(const Bundle<Index>& bundle, const Slice& slice, Index column) {
  return bundle.rows == 1 ? 0 : static_cast<unsigned>(column) / static_cast<unsigned>(slice.inner);
}

// Counts the open numbers of each row by the digit at `shift`.
template <typename Team, typename Source, typename Index>
__device__ inline void count_digits(const Slice& slice, const Source& source,
                                    const Bundle<Index>& bundle, Row<Index>* rows, unsigned shift) {
  walk<Team>(bundle, [&](bool inside, Index line, Index column) {
    unsigned tag = ~0U;
    if (inside) {
      const auto weight = source.weight(line, column);
      const unsigned r = row_of(bundle, slice, column);
      if (own_key(weight) > slice.largest) {
        if (shift == 24) {
          atomicAdd(&rows[r].nans, Index{1});
        }
      } else if (rows[r].open != 0) {
        const unsigned key = source.key(line, column, weight);
        if ((key ^ rows[r].threshold) >> shift >> 8 == 0) {
          tag = r << 8 | (key >> shift & 255U);
        }
      }
    }
    if (__any_sync(ALL_LANES, tag != ~0U) != 0) {
      // One addition for all lanes that met the same bin: exponents are few.
      const unsigned peers = __match_any_sync(ALL_LANES, tag);
      if (tag != ~0U && threadIdx.x % 32 + 1 == static_cast<unsigned>(__ffs(static_cast<int>(peers)))) {
        atomicAdd(&rows[tag >> 8].bins[tag & 255U], static_cast<Index>(__popc(peers)));
      }
    }
  });
}

// How many of a row's numbers go; 0 where the row stays as it was.
template <typename Counter>
__device__ inline Counter amount(const RowsParameters& p, Counter numbers, Counter nans) {
  if (nans != 0 && p.keep_nan == 0) {
    return 0;
  }
  if (p.fraction >= 0) {
    return static_cast<Counter>(rint(p.fraction * static_cast<double>(numbers)));
  }
  if (p.count > numbers) {
    if (threadIdx.x % 32 == 0) {
      atomicExch(&p.state->refused, 1U);
    }
    return 0;
  }
  return static_cast<Counter>(p.count);
}

// Finds, by one warp, the bin that the last of the row's elements that go falls into; clears the bins.
template <typename Counter>
__device__ inline void pick_digit(const RowsParameters& p, Row<Counter>& row, unsigned shift) {
  const unsigned lane = threadIdx.x % 32;
  Counter* bins = row.bins + 8 * lane;
  Counter sum = 0;
  for (unsigned i = 0; i < 8; i++) {
    sum += bins[i];
  }
  Counter through = sum;
  for (unsigned distance = 1; distance < 32; distance *= 2) {
    const Counter below = __shfl_up_sync(ALL_LANES, through, distance);
    through += lane >= distance ? below : 0;
  }
  const Counter numbers = __shfl_sync(ALL_LANES, through, 31);
  const Counter k = shift == 24 ? amount(p, numbers, row.nans) : row.go;
  __syncwarp();
  if (k == 0 && lane == 0) {
    row.open = 0;
    row.go = 0;
    row.stay = 0;
  }
  if (k > through - sum && k <= through) {
    Counter left = k - (through - sum);
    unsigned i = 0;
    while (left > bins[i]) {
      left -= bins[i++];
    }
    row.threshold |= (8 * lane + i) << shift;
    row.go = left;
    row.stay = bins[i] - left;
  }
  for (unsigned i = 0; i < 8; i++) {
    bins[i] = 0;
  }
}

// Whether some of the row's elements at the threshold go and some stay.
template <typename Counter>
__device__ inline bool is_split(const Row<Counter>& row) {
  return row.go != 0 && row.stay != 0;
}

// Counts, seldom, for each warp, the split ties in the shares of the warps before it.
template <typename Team, typename Source, typename Index>
__device__ inline void count_ties(const Slice& slice, const Source& source,
                                  const Bundle<Index>& bundle, Row<Index>* rows) {
  const unsigned warp = Team::thread() / 32;
  rows = shared(rows);
  walk<Team>(bundle, [&](bool inside, Index line, Index column) {
    if (inside) {
      const auto weight = source.weight(line, column);
      const unsigned r = row_of(bundle, slice, column);
      if (own_key(weight) <= slice.largest && is_split(rows[r]) &&
          source.key(line, column, weight) == rows[r].threshold) {
        atomicAdd(&rows[r].ties_before[warp], Index{1});
      }
    }
  });
  Team::sync();
  for (unsigned r = Team::thread(); r < bundle.rows; r += Team::threads()) {
    Index before = 0;
    for (unsigned w = 0; w < Team::threads() / 32; w++) {
      const Index own = rows[r].ties_before[w];
      rows[r].ties_before[w] = before;
      before += own;
    }
  }
  Team::sync();
}

// Gives how many split ties of its row stand before this lane's; advances the warp's counts.
template <typename Index>
__device__ inline Index ties_before(Row<Index>* rows, unsigned warp, unsigned r, bool tie) {
  if (__any_sync(ALL_LANES, tie) == 0) {
    return 0;
  }
  const unsigned lane = threadIdx.x % 32;
  const unsigned peers = __match_any_sync(ALL_LANES, tie ? r : ~0U);
  const unsigned lower = peers & ((1U << lane) - 1);
  Index before = 0;
  if (tie && lower == 0) {
    before = atomicAdd(&rows[r].ties_before[warp], static_cast<Index>(__popc(peers)));
  }
  before = __shfl_sync(ALL_LANES, before, __ffs(static_cast<int>(peers)) - 1);
  return before + static_cast<Index>(__popc(lower));
}

// Sets the mask's bits of a warp's step.
__device__ inline void mask_step(unsigned* mask, bool inside, unsigned long long position, bool kept) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned long long first = __shfl_sync(ALL_LANES, position, 0);
  const bool side_by_side = __all_sync(ALL_LANES, !inside || position == first + lane) != 0;
  const unsigned bits = __ballot_sync(ALL_LANES, inside && kept);
  if (!side_by_side && inside && kept) {
    or_mask(mask, static_cast<long long>(position), 1);
  } else if (side_by_side && lane == 0) {
    or_mask(mask, static_cast<long long>(first), bits);
  }
}

// Prunes, counts and masks, once each row's threshold is known.
template <typename Team, typename Bits, typename Source, typename Index>
__device__ inline void settle_rows(Tally* tallies, const Slice& slice, const Source& source,
                                   const Bundle<Index>& bundle, Row<Index>* rows, Counts& counts) {
  walk<Team>(bundle, [&](bool inside, Index line, Index column) {
    const unsigned r = inside ? row_of(bundle, slice, column) : 0;
    const Row<Index>& row = rows[r];
    const Bits weight = inside ? source.weight(line, column) : Bits{0};
    const bool number = inside && own_key(weight) <= slice.largest;
    const unsigned key = number ? source.key(line, column, weight) : 0;
    const bool split = number && key == row.threshold && is_split(row);
    const Index before = ties_before(rows, Team::thread() / 32, r, split);
    const bool goes = number && (key < row.threshold || (key == row.threshold && row.go != 0 &&
                                                         (!split || before >= row.stay)));
    const unsigned long long position = bundle.first + line * bundle.stride + column;
    if (number) {
      count_settled(counts, goes, is_zero(weight));
    } else if (inside) {
      count_nan(tallies, &slice, position);
    }
    if (inside) {
      source.settle(line, column, weight, goes);
    }
    if (slice.mask != nullptr) {
      mask_step(slice.mask, inside, position, !goes);
    }
  });
}

template <typename Team, typename Index>
__device__ inline void clear_rows(Row<Index>* rows, unsigned count) {
  for (unsigned i = Team::thread(); i < count * 256; i += Team::threads()) {
    Row<Index>& row = rows[i / 256];
    row.bins[i % 256] = 0;
    if (i % 256 < 32) {
      row.ties_before[i % 256] = 0;
    }
    if (i % 256 == 0) {
      row.nans = 0;
      row.threshold = 0;
      row.go = 0;
      row.stay = 0;
      row.open = 1;
    }
  }
}

template <typename Team, typename Bits, typename Source, typename Index>
__device__ inline void select_rows(const RowsParameters& p, const Slice& slice, const Source& source,
                                   const Bundle<Index>& bundle, Row<Index>* rows, Counts& counts) {
  Team::sync();
  clear_rows<Team>(rows, bundle.rows);
  Team::sync();
  for (unsigned digit = 0; digit < Source::DIGITS; digit++) {
    const unsigned shift = 24 - 8 * digit;
    count_digits<Team>(slice, source, bundle, rows, shift);
    Team::sync();
    for (unsigned r = Team::thread() / 32; r < bundle.rows; r += Team::threads() / 32) {
      if (rows[r].open != 0) {
        pick_digit(p, rows[r], shift);
      }
    }
    Team::sync();
  }
  bool split = false;
  for (unsigned r = 0; r < bundle.rows; r++) {
    split |= is_split(rows[r]);
  }
  if (split) {
    count_ties<Team>(slice, source, bundle, rows);
  }
  settle_rows<Team, Bits>(p.tallies, slice, source, bundle, rows, counts);
}
