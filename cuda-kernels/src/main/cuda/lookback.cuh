// Ranks across tiles in one pass: decoupled look-back (Merrill and Garland 2016). Tiles are handed out in
// ascending order (ask, take), each says how many elements it counts as soon as it knows, and how many there
// are up to its end as soon as those before it have said so.
//
// A tile's word holds two bits of what it says and the number, so that one 64-bit access reads or writes both
// and nothing needs a fence. Words are 0 before the launch. Who waits, waits for tiles handed out earlier: the
// first of those that are not done waits for nobody, so that every wait ends.
#pragma once
#include "slices.cuh"

namespace lookback {

using slices::ALL;
using slices::WARP;

constexpr unsigned ROWS = 32;  // of a tile, in position order; each is a warp's work
constexpr unsigned long long COUNTED = 1ULL << 62;  // the number is the tile's own
constexpr unsigned long long SUMMED = 2ULL << 62;   // the number is that of all elements up to the tile's end
constexpr unsigned long long NUMBER = COUNTED - 1;

// What a block shares to rank the elements of a tile.
struct Ranks {
  unsigned row[ROWS];  // how many elements count: in the row, then, in the rows before it
  unsigned total;
  unsigned long long before;  // in the tiles before
  unsigned long long next;    // tile of the block
};

// Hands tiles to a block: status[0] counts those taken. A block asks for its next tile, in one thread, while
// it waits for what it loads of this one.
__device__ inline void ask(Ranks& ranks, unsigned long long* status) {
  if (threadIdx.x == 0) {
    ranks.next = atomicAdd(status, 1ULL);
  }
}

// The tile that was asked for, for all threads.
__device__ inline unsigned long long take(const Ranks& ranks) {
  __syncthreads();
  const unsigned long long tile = ranks.next;
  __syncthreads();
  return tile;
}

__device__ inline void say(unsigned long long* status, unsigned long long tile, unsigned long long word) {
  *const_cast<volatile unsigned long long*>(status + 1 + tile) = word;
}

// How many elements count before a tile, asked by a warp: lane i looks at the i-th tile before, then at
// the one 32 further back, up to one that knows the sum.
__device__ inline unsigned long long look_back(const unsigned long long* status, unsigned long long tile) {
  const unsigned lane = threadIdx.x % WARP;
  unsigned long long sum = 0;
  for (unsigned long long behind = lane + 1;; behind += WARP) {
    unsigned long long word = 0;
    unsigned summed = 0;
    unsigned used = 0;  // the lanes whose numbers count: those no further back than the first sum
    while (true) {
      word = behind <= tile ? *const_cast<const volatile unsigned long long*>(status + 1 + tile - behind) : COUNTED;
      summed = __ballot_sync(ALL, word >= SUMMED);
      used = summed == 0 ? ALL : summed ^ (summed - 1);
      if ((__ballot_sync(ALL, word == 0) & used) == 0) {
        break;
      }
      __nanosleep(20);
    }
    sum += slices::warp_sum((used >> lane & 1U) != 0 ? word & NUMBER : 0ULL);
    if (summed != 0) {
      return sum;
    }
  }
}

// Turns the numbers of a tile's rows into those before each row, for the whole block, between two barriers of
// which this has the first. `begins`: counting starts with this tile at *start. `end`: where the sum up to
// this tile goes, null: nowhere.
__device__ inline void rank_rows(Ranks& ranks, unsigned long long* status, unsigned long long tile, bool begins,
                                 const unsigned long long* start, unsigned long long* end) {
  __syncthreads();
  if (threadIdx.x < WARP) {
    const unsigned count = ranks.row[threadIdx.x];
    const unsigned upto = slices::warp_scan(count);
    const unsigned total = __shfl_sync(ALL, upto, WARP - 1);
    ranks.row[threadIdx.x] = upto - count;
    if (!begins && threadIdx.x == 0) {
      say(status, tile, COUNTED | total);
    }
    // Where nothing counts, nobody asks for a rank, and those behind can do without the sum.
    if (begins || total != 0 || end != nullptr) {
      const unsigned long long before = begins ? *start : look_back(status, tile);
      if (threadIdx.x == 0) {
        say(status, tile, SUMMED | (before + total));
        ranks.before = before;
        if (end != nullptr) {
          *end = before + total;
        }
      }
    }
    if (threadIdx.x == 0) {
      ranks.total = total;
    }
  }
  __syncthreads();
}

}  // namespace lookback
