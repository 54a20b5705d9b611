// What kernels are told of the weights they work on: tables in device memory that a whole call shares, so
// that a launch serves many tensors. Tables.java writes these structs field by field and names the same
// sizes.
#pragma once
#include <cstddef>
#include <cstdint>

// How the bits of a weight become the key that it is ordered by (keys.cuh).
enum class Form : unsigned {
  F32 = 0,         // the bits without the sign
  HALF = 1,        // F16 or BF16: the same, in the upper 16 bits
  F16_AS_F32 = 2,  // F16 that competes with other types: the bits of the same value as F32
};

// Where the keys come from.
enum class Ranking : unsigned { MAGNITUDE = 0, PHILOX = 1, SCORES = 2 };

constexpr unsigned SCOPE_BEGINS = 1;  // the slice is its scope's first in this launch
constexpr unsigned SCOPE_ENDS = 2;    // the slice is its scope's last in this launch

// Elements of one tensor that lie side by side on the device. They are runs of `run` elements; run i
// begins at element first + i * stride of the tensor (one run: run = elements).
struct Slice {
  const void* weights;           // aligned to an element
  void* pruned;                  // where the result goes: `weights` in place; null: nowhere
  const float* scores;           // with Ranking::SCORES: what ranks each element, 4-byte aligned
  unsigned* mask;                // bit i % 32 of word i / 32: element i is kept; zeroed before; null: none
  unsigned long long elements;   // 1 or more
  unsigned long long first;
  unsigned long long run;
  unsigned long long stride;
  unsigned long long tensor_id;  // of Philox (SPEC.md, "Random")
  unsigned long long first_tile; // tiles of this launch in the slices before it
  unsigned long long inner;      // groups, rows: how far the elements of one lie apart
  unsigned long long rows;       // rows: the slice is [elements / (rows * inner), rows, inner]
  unsigned lead;                 // elements from the 16-byte boundary at or before `weights` to `weights`
  Form form;
  unsigned largest;              // the key of infinity, in this form
  unsigned scope;                // index into the scopes
  unsigned tensor;               // index into the tallies
  unsigned flags;                // SCOPE_BEGINS, SCOPE_ENDS
  unsigned bytes;                // of an element: 2 or 4
  unsigned tile_rows;            // rows: how many rows a tile of rows.cu holds
};
static_assert(sizeof(Slice) == 128);

// What competes: Java writes what is asked for, kernels what they found.
struct Scope {
  double fraction;              // of the elements that are not NaN; negative: `count` is given
  unsigned long long count;
  unsigned long long elements;
  unsigned long long nans;      // histogram
  unsigned long long low;       // threshold: keys below go,
  unsigned long long high;      //   keys from here on stay, those between are open;
  unsigned long long open;      //   how many those are,
  unsigned long long go;        //   and how many of them go: those with the last positions
  unsigned long long list;      //   where they begin in the list
  unsigned long long passed;    // apply: open elements in earlier launches
  unsigned long long reserved[2];
};
static_assert(sizeof(Scope) == 96);

// What was done to one tensor; added to.
struct Tally {
  unsigned long long pruned;
  unsigned long long newly_zero;
  unsigned long long zeros;
  unsigned long long nans;
  unsigned long long first_nan;  // row-major index; all ones: none
};
static_assert(sizeof(Tally) == 40);

// What the launches of a call tell each other, so that nothing is read back between them.
struct State {
  unsigned long long listed;  // the length of the list
  unsigned refused;           // a NaN under `nan: refuse`, or a count above the numbers of a scope
  unsigned swept;             // the list would not hold all open elements: another sweep finds them
};
static_assert(sizeof(State) == 16);

// When a launch does its work; all launches of a call are queued, and those not needed end at once.
enum class When : unsigned { ALWAYS = 0, LISTED = 1, SWEPT = 2 };

// The share of a slice that a block of apply, histogram, ... takes at a time: 16 KiB from the 16-byte
// boundary at or before its first element.
constexpr unsigned TILE_BYTES = 16384;
