// How the operands of mma.sp m16n8k32 for 16-bit types lie in a warp's registers, and the matrices of ldmatrix;
// the sources are named in src/main/cuda/ptx/ptx.cuh. What runs on a device compares it with these.
#pragma once

namespace coppice::fragments {

struct Place {
  unsigned row;
  unsigned column;
};

// Of A as it is stored, [16, 16]: half `half` of register `i`.
constexpr Place of_a(unsigned lane, unsigned i, unsigned half) {
  return {lane / 4 + i % 2 * 8, lane % 4 * 2 + i / 2 * 8 + half};
}

// Of B [32, 8].
constexpr Place of_b(unsigned lane, unsigned i, unsigned half) { return {8 * i + lane % 4 * 2 + half, lane / 4}; }

// Of D [16, 8].
constexpr Place of_d(unsigned lane, unsigned i) { return {lane / 4 + i / 2 * 8, lane % 4 * 2 + i % 2}; }

// Of an 8 x 8 matrix that ldmatrix gives.
constexpr Place of_matrix(unsigned lane, unsigned half) { return {lane / 4, lane % 4 * 2 + half}; }

struct Bits {
  unsigned lane;
  unsigned shift;
};

// Where the 4 bits are of the four columns `four`, 0 to 7, of a row of A.
constexpr Bits of_positions(unsigned row, unsigned four, unsigned selector) {
  return {row % 8 * 4 + selector * 2 + four / 4, row / 8 * 16 + four % 4 * 4};
}

}  // namespace coppice::fragments
