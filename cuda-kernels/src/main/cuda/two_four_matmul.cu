// two_four_matmul: y = x W^T + b for many rows of x and 2:4 weights of 16 bits; sums of F32.
//
//   Bound by arithmetic, and by shared memory: mma.sp m16n8k32 with the weights as A, in the very layout of
//   dev.coppice.sparse.TwoFour, and x as B.
//   A block of 128 threads makes 128 outputs of COLUMNS rows of x: 2 x 2 warps, each 64 x COLUMNS / 2. Of 64 columns of
//   W at a time values, positions and x come to shared memory by themselves, in STAGES buffers; ldmatrix reads them.
//   The 16-byte pieces of a row are exchanged by its number, so that 8 rows of a matrix lie in all banks.
//   wide: COLUMNS = 128: 25 KiB a stage, 4 stages, two blocks an SM; narrow: 32, for up to 64 rows of x, 13 KiB a stage.
//   Blocks: ceil(out / 128) * ceil(batch / COLUMNS), those of like rows of x side by side.
#include "elements.cuh"

namespace two_four_matmul {

constexpr unsigned THREADS = MATMUL_THREADS;
constexpr unsigned ROWS = MATMUL_ROWS;
constexpr unsigned DEPTH = 64;     // columns of W a stage
constexpr unsigned STAGES = 4;
constexpr unsigned TILES = 4;      // of 16 rows of W, of a warp
constexpr unsigned VALUES_BYTES = ROWS * DEPTH;           // 64 bytes a row
constexpr unsigned POSITIONS_BYTES = ROWS * DEPTH / 8;

template <unsigned COLUMNS>
constexpr unsigned STAGE_BYTES = VALUES_BYTES + POSITIONS_BYTES + COLUMNS * DEPTH * 2;
static_assert(STAGES * STAGE_BYTES<MATMUL_WIDE> == MATMUL_WIDE_SHARED);
static_assert(STAGES * STAGE_BYTES<MATMUL_NARROW> == MATMUL_NARROW_SHARED);

// Where 16-byte piece `piece` of a row lies: of 4 in a row of values, of 8 in one of x.
__device__ inline unsigned value_at(unsigned row, unsigned piece) { return row * 64 + (piece ^ (row / 2 % 4)) * 16; }
__device__ inline unsigned input_at(unsigned row, unsigned piece) { return row * 128 + (piece ^ (row % 8)) * 16; }

// A block's part of the product.
struct Part {
  unsigned long long first_row;
  unsigned long long first_b;
  unsigned tiles;  // of 32 columns of W
};

// Lets the values, positions and inputs of a stage come; zeros for what is not there. Of rows that are not there,
// the positions of the last ones: all others are valid.
template <unsigned COLUMNS>
__device__ inline void fetch(const LinearParameters& p, const Part& part, unsigned step, char* stage) {
  const auto* values = static_cast<const uint16_t*>(p.values);
  const auto* x = static_cast<const uint16_t*>(p.x);
  const unsigned long long rows = (p.out + 15) / 16 * 16;
#pragma unroll
  for (unsigned i = 0; i < VALUES_BYTES / 16 / THREADS; i++) {
    const unsigned at = i * THREADS + threadIdx.x;
    const unsigned long long row = part.first_row + at / 4;
    const unsigned column = step * (DEPTH / 2) + at % 4 * 8;
    const bool there = row < rows && column < p.stored;
    copies::begin(stage + value_at(at / 4, at % 4), there ? values + row * p.stored + column : values, there ? 16 : 0);
  }
  if (threadIdx.x < POSITIONS_BYTES / 16) {
    const unsigned long long tile = min(part.first_row / 16 + threadIdx.x / 8, rows / 16 - 1);
    const unsigned column = step * 2 + threadIdx.x % 8 / 4;
    const bool there = column < part.tiles;
    const unsigned* from = p.index + (tile * part.tiles + (there ? column : 0)) * 16 + threadIdx.x % 4 * 4;
    copies::begin(stage + VALUES_BYTES + threadIdx.x * 16, from, 16);
  }
#pragma unroll
  for (unsigned i = 0; i < COLUMNS * 8 / THREADS; i++) {
    const unsigned at = i * THREADS + threadIdx.x;
    const unsigned long long b = part.first_b + at / 8;
    const unsigned column = step * DEPTH + at % 8 * 8;
    const bool there = b < p.batch && column < p.x_stride;
    copies::begin(stage + VALUES_BYTES + POSITIONS_BYTES + input_at(at / 8, at % 8),
                  there ? x + b * p.x_stride + column : x, there ? 16 : 0);
  }
}

// Multiplies half a stage: 32 columns of W.
template <typename T, unsigned EIGHTS>
__device__ inline void multiply(const char* stage, unsigned half, unsigned row, unsigned column,
                                float (&sums)[TILES][EIGHTS][4]) {
  const unsigned lane = threadIdx.x % 32;
  unsigned a[TILES][4];
  unsigned positions[TILES / 2];
#pragma unroll
  for (unsigned i = 0; i < TILES; i++) {
    load_matrices(a[i], stage + value_at(row + i * 16 + lane % 16, half * 2 + lane / 16));
  }
#pragma unroll
  for (unsigned i = 0; i < TILES / 2; i++) {
    // Lanes 0 and 1 of four have those of a tile, lanes 2 and 3 those of the next: selectors 0 and 1.
    const unsigned tile = row / 16 + 2 * i + lane % 4 / 2;
    positions[i] = reinterpret_cast<const unsigned*>(stage + VALUES_BYTES)[tile * 32 + half * 16 + lane / 4 * 2 + lane % 2];
  }
#pragma unroll
  for (unsigned j = 0; j < EIGHTS; j++) {
    unsigned b[4];
    load_matrices(b, stage + VALUES_BYTES + POSITIONS_BYTES + input_at(column + j * 8 + lane % 8, half * 4 + lane / 8));
#pragma unroll
    for (unsigned i = 0; i < TILES; i += 2) {
      T::template multiply<0>(sums[i][j], a[i], b, positions[i / 2]);
      T::template multiply<1>(sums[i + 1][j], a[i + 1], b, positions[i / 2]);
    }
  }
}

// Puts a warp's sums, rounded, where its block's outputs are gathered: COLUMNS rows of 128, and 8 to spare.
constexpr unsigned GATHERED = ROWS + 8;

template <typename T, unsigned EIGHTS>
__device__ inline void gather(const LinearParameters& p, const Part& part, unsigned row, unsigned column,
                              const float (&sums)[TILES][EIGHTS][4], uint16_t* gathered) {
  const unsigned lane = threadIdx.x % 32;
  const auto* bias = static_cast<const uint16_t*>(p.bias);
#pragma unroll
  for (unsigned i = 0; i < TILES * 2; i++) {
    const unsigned at = row + i * 8 + lane / 4;
    const bool added = bias != nullptr && part.first_row + at < p.out;
    const float b = added ? T::value(bias[part.first_row + at]) : 0.0F;
#pragma unroll
    for (unsigned j = 0; j < EIGHTS * 2; j++) {
      const float sum = sums[i / 2][j / 2][i % 2 * 2 + j % 2];
      gathered[(column + j / 2 * 8 + lane % 4 * 2 + j % 2) * GATHERED + at] = T::rounded(sum + b);
    }
  }
}

// Writes them, 8 at once where y is aligned.
template <unsigned COLUMNS>
__device__ inline void write(const LinearParameters& p, const Part& part, const uint16_t* gathered) {
  auto* y = static_cast<uint16_t*>(p.y);
  const bool aligned = p.out % 8 == 0 && reinterpret_cast<uintptr_t>(y) % 16 == 0;
  for (unsigned at = threadIdx.x; at < COLUMNS * ROWS / 8; at += THREADS) {
    const unsigned long long b = part.first_b + at / (ROWS / 8);
    const unsigned long long row = part.first_row + at % (ROWS / 8) * 8;
    const uint16_t* from = gathered + at / (ROWS / 8) * GATHERED + at % (ROWS / 8) * 8;
    if (b >= p.batch || row >= p.out) {
      continue;
    }
    uint16_t* to = y + b * p.out + row;
    if (aligned) {
      *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
    } else {
      for (unsigned i = 0; i < 8 && row + i < p.out; i++) {
        to[i] = from[i];
      }
    }
  }
}

template <typename T, unsigned COLUMNS>
__device__ inline void multiply_all(const LinearParameters& p, char* shared) {
  constexpr unsigned eights = COLUMNS / 2 / 8;
  const unsigned long long blocks = (p.out + ROWS - 1) / ROWS;
  const Part part{blockIdx.x % blocks * ROWS, blockIdx.x / blocks * COLUMNS, p.stored / 16};
  const unsigned steps = (part.tiles + 1) / 2;
  const unsigned row = threadIdx.x / 64 * 64;
  const unsigned column = threadIdx.x / 32 % 2 * (COLUMNS / 2);
  float sums[TILES][eights][4] = {};
#pragma unroll
  for (unsigned step = 0; step < STAGES - 1; step++) {
    if (step < steps) {
      fetch<COLUMNS>(p, part, step, shared + step * STAGE_BYTES<COLUMNS>);
    }
    copies::end_group();
  }
#pragma unroll 1
  for (unsigned step = 0; step < steps; step++) {
    copies::wait<STAGES - 2>();
    __syncthreads();  // This step's are there, and nobody reads the last one's any more.
    const unsigned coming = step + STAGES - 1;
    if (coming < steps) {
      fetch<COLUMNS>(p, part, coming, shared + coming % STAGES * STAGE_BYTES<COLUMNS>);
    }
    copies::end_group();
    const char* stage = shared + step % STAGES * STAGE_BYTES<COLUMNS>;
    multiply<T, eights>(stage, 0, row, column, sums);
    if (2 * step + 1 < part.tiles) {
      multiply<T, eights>(stage, 1, row, column, sums);
    }
  }
  __syncthreads();
  auto* gathered = reinterpret_cast<uint16_t*>(shared);
  gather<T, eights>(p, part, row, column, sums, gathered);
  __syncthreads();
  write<COLUMNS>(p, part, gathered);
}

}  // namespace two_four_matmul

extern __shared__ uint4 coppice_shared[];

extern "C" __global__ void __launch_bounds__(128, 2) coppice_two_four_matmul_bf16_wide(const LinearParameters p) {
  two_four_matmul::multiply_all<Bf16, MATMUL_WIDE>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(128, 3) coppice_two_four_matmul_bf16_narrow(const LinearParameters p) {
  two_four_matmul::multiply_all<Bf16, MATMUL_NARROW>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(128, 2) coppice_two_four_matmul_f16_wide(const LinearParameters p) {
  two_four_matmul::multiply_all<F16, MATMUL_WIDE>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(128, 3) coppice_two_four_matmul_f16_narrow(const LinearParameters p) {
  two_four_matmul::multiply_all<F16, MATMUL_NARROW>(p, reinterpret_cast<char*>(coppice_shared));
}
