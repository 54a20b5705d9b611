// two_four_linear: y = x W^T + b for 1 to 16 rows of x and 2:4 weights of 16 bits; sums of F32.
//
//   Bound by memory: 1.125 bytes a weight (a byte of values, an eighth of positions) against 2 of dense ones, all of
//   them read once, 16 bytes a lane and load; x is read once a block, from the caches.
//   Tensor cores do the sums: mma.sp m16n8k32 with the weights as A and x as B, 8 rows of x at a time, which cost what
//   one does.
//   A block of 256 threads has 16 rows of W; its 8 warps take units of 256 columns in turn, of which the next is on its
//   way while one is multiplied, and add up through shared memory. Blocks: ceil(out / 16). Shared memory: 8 KiB.
//
// Columns go into the instruction in an order in which each lane loads its part of a row at once. Of 64 columns c,
// lane t of four has the 16 from 16t on: four fours, that is 8 values, 16 bytes; two instructions take two fours of
// each lane. So four i + 4h (h: which half of the columns) of instruction j is four 4i + 2j + h of the 64 columns,
// and the positions of that, i = 0 to 3, make a word, of lane 2j + h: in this order they are laid out anew, [tiles of
// 16 rows, units, 32 lanes, 4 times 64 columns], by LinearTwoFour.java.
#include "elements.cuh"

namespace two_four_linear {

constexpr unsigned ALL = 0xFFFFFFFFU;
constexpr unsigned WARPS = LINEAR_THREADS / 32;
constexpr unsigned UNIT = LINEAR_UNIT;
constexpr unsigned PARTS = UNIT / 64;
constexpr unsigned STORED = UNIT / 2;  // values of a unit and row

// A lane's part of a unit of 16 rows.
struct Weights {
  uint4 low[PARTS];   // of row g
  uint4 high[PARTS];  // of row g + 8
  uint4 positions;
};

// What B's registers are made of, for 64 columns.
struct Inputs {
  unsigned low[4];
  unsigned high[4];
};

__device__ inline Weights load_weights(const LinearParameters& p, unsigned long long tile, unsigned unit, unsigned units) {
  const unsigned lane = threadIdx.x % 32;
  const auto* values = static_cast<const uint16_t*>(p.values) + (tile * 16 + lane / 4) * p.stored;
  Weights w;
#pragma unroll
  for (unsigned part = 0; part < PARTS; part++) {
    const unsigned at = unit * STORED + part * 32 + lane % 4 * 8;
    const bool there = at < p.stored;
    w.low[part] = there ? load_once(reinterpret_cast<const uint4*>(values + at)) : uint4{};
    w.high[part] = there ? load_once(reinterpret_cast<const uint4*>(values + 8ULL * p.stored + at)) : uint4{};
  }
  w.positions = load_once(reinterpret_cast<const uint4*>(p.index) + (tile * units + unit) * 32 + lane);
  return w;
}

// Of row `row` of x, 16 columns for each lane; then the even lane of two gets the even pairs of both, the odd one
// the odd pairs, as B wants them.
template <typename Bits>
__device__ inline Inputs load_inputs(const LinearParameters& p, unsigned row, unsigned first) {
  const unsigned t = threadIdx.x % 4;
  const unsigned column = first + 16 * (t / 2 + 2 * (t % 2));
  const auto* x = static_cast<const Bits*>(p.x) + static_cast<unsigned long long>(row) * p.x_stride + column;
  const auto read = [&](unsigned at) {
    return row < p.batch && column + at < p.x_stride ? __ldg(reinterpret_cast<const uint4*>(x + at)) : uint4{};
  };
  const uint4 u = read(0);
  const uint4 v = read(8);
  const unsigned even[4] = {u.x, u.z, v.x, v.z};
  const unsigned odd[4] = {u.y, u.w, v.y, v.w};
  Inputs in;
#pragma unroll
  for (unsigned i = 0; i < 4; i++) {
    const unsigned other = __shfl_xor_sync(ALL, t % 2 == 0 ? odd[i] : even[i], 1);
    in.low[i] = t % 2 == 0 ? even[i] : other;
    in.high[i] = t % 2 == 0 ? other : odd[i];
  }
  return in;
}

__device__ inline unsigned word(const uint4& v, unsigned i) { return i < 2 ? (i == 0 ? v.x : v.y) : (i == 2 ? v.z : v.w); }

template <typename T, unsigned J>
__device__ inline void multiply(float (&sums)[4], const uint4& low, const uint4& high, const Inputs& in, unsigned positions) {
  const unsigned a[4] = {word(low, 2 * J), word(high, 2 * J), word(low, 2 * J + 1), word(high, 2 * J + 1)};
  const unsigned b[4] = {in.low[2 * J], in.high[2 * J], in.low[2 * J + 1], in.high[2 * J + 1]};
  T::template multiply<J>(sums, a, b, positions);
}

// Adds up what the warps have, and writes 16 rows of W times 8 * EIGHTS of x.
template <typename T, unsigned EIGHTS>
__device__ inline void write(const LinearParameters& p, unsigned long long tile, const float (&sums)[EIGHTS][4], float* shared) {
  constexpr unsigned each = EIGHTS * 4 * 32;
  static_assert(WARPS * each * sizeof(float) == EIGHTS * TWO_FOUR_SHARED);
#pragma unroll
  for (unsigned i = 0; i < EIGHTS * 4; i++) {
    shared[threadIdx.x / 32 * each + i * 32 + threadIdx.x % 32] = sums[i / 4][i % 4];
  }
  __syncthreads();
  if (threadIdx.x >= each) {
    return;
  }
  float sum = 0;
#pragma unroll
  for (unsigned warp = 0; warp < WARPS; warp++) {
    sum += shared[warp * each + threadIdx.x];
  }
  const unsigned i = threadIdx.x / 32;
  const unsigned lane = threadIdx.x % 32;
  const unsigned long long row = tile * 16 + lane / 4 + i % 4 / 2 * 8;
  const unsigned b = i / 4 * 8 + lane % 4 * 2 + i % 2;
  if (row < p.out && b < p.batch) {
    write_output<T>(p, b, row, sum);
  }
}

template <typename T, unsigned EIGHTS>
__device__ inline void multiply_all(const LinearParameters& p, float* shared) {
  const unsigned units = (p.stored + STORED - 1) / STORED;
  const unsigned long long tile = blockIdx.x;
  float sums[EIGHTS][4] = {};
  unsigned unit = threadIdx.x / 32;
  Weights now = unit < units ? load_weights(p, tile, unit, units) : Weights{};
  while (unit < units) {
    const unsigned after = unit + WARPS;
    const Weights next = after < units ? load_weights(p, tile, after, units) : Weights{};
#pragma unroll
    for (unsigned part = 0; part < PARTS; part++) {
#pragma unroll
      for (unsigned eight = 0; eight < EIGHTS; eight++) {
        const unsigned row = eight * 8 + threadIdx.x % 32 / 4;
        const Inputs in = load_inputs<typename T::Bits>(p, row, unit * UNIT + part * 64);
        multiply<T, 0>(sums[eight], now.low[part], now.high[part], in, word(now.positions, part));
        multiply<T, 1>(sums[eight], now.low[part], now.high[part], in, word(now.positions, part));
      }
    }
    now = next;
    unit = after;
  }
  write<T, EIGHTS>(p, tile, sums, shared);
}

}  // namespace two_four_linear

extern __shared__ uint4 coppice_shared[];

extern "C" __global__ void __launch_bounds__(256, 2) coppice_two_four_linear_bf16_8(const LinearParameters p) {
  two_four_linear::multiply_all<Bf16, 1>(p, reinterpret_cast<float*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 2) coppice_two_four_linear_bf16_16(const LinearParameters p) {
  two_four_linear::multiply_all<Bf16, 2>(p, reinterpret_cast<float*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 2) coppice_two_four_linear_f16_8(const LinearParameters p) {
  two_four_linear::multiply_all<F16, 1>(p, reinterpret_cast<float*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 2) coppice_two_four_linear_f16_16(const LinearParameters p) {
  two_four_linear::multiply_all<F16, 2>(p, reinterpret_cast<float*>(coppice_shared));
}
