// bitmap_linear: y = x W^T + b for few rows of x and weights of which the zeros are not stored; sums of F32. A weight
// that is not stored meets no x, whatever that is.
//
//   Bound by memory: an eighth of a byte a weight, its bytes where it is not zero, and 4 bytes for each 256 columns of
//   a row; of BF16 at 50 / 70 / 80 %: 1.14 / 0.74 / 0.54 bytes against 2. All are read once; x once a block, from the
//   caches. Values come to shared memory by themselves, 16 bytes at a time.
//   CUDA cores do the sums: some 5 instructions a weight, stored or not, and one more for each further row of x.
//   A block of 256 threads has 8 rows of W and ROWS rows of x (1 or 4); its 8 warps take units of 256 columns in turn,
//   lane l columns 8l to 8l + 7. Where a lane's values begin, the bits before them tell: counted over the lanes.
//   Lanes stand side by side in a row, and so do their values: reading them hits each bank once or twice.
//   Blocks: ceil(out / 8) * ceil(batch / ROWS). Shared memory: 8 times SLOTS, below.
#include "elements.cuh"
#include "slices.cuh"

namespace bitmap_linear {

constexpr unsigned ALL = 0xFFFFFFFFU;
constexpr unsigned WARPS = LINEAR_THREADS / 32;
constexpr unsigned UNIT = LINEAR_UNIT;
constexpr unsigned HALVES = 2;                       // of a block's rows: while one is multiplied the other comes
constexpr unsigned TOGETHER = BITMAP_ROWS / HALVES;  // rows whose values come together
constexpr unsigned COLUMNS = UNIT / 32;              // of a lane

template <typename Bits>
constexpr unsigned VECTOR = 16 / sizeof(Bits);
// Bytes of a row's values of a unit, which need not begin at a multiple of 16.
template <typename Bits>
constexpr unsigned SLOT = UNIT * sizeof(Bits) + 16;
template <typename Bits>
constexpr unsigned SLOTS = HALVES * TOGETHER * SLOT<Bits>;  // of a warp
static_assert(WARPS * SLOTS<uint16_t> == BITMAP_SHARED && WARPS * SLOTS<float> == BITMAP_LONG_SHARED);

// A unit of four rows; lane 8r + w has word w of row r's bits, and where row r's values begin and end.
struct Piece {
  unsigned bits;
  unsigned begin;
  unsigned end;
};

__device__ inline Piece describe(const LinearParameters& p, unsigned long long first_row, unsigned unit, unsigned units) {
  const unsigned lane = threadIdx.x % 32;
  const unsigned long long row = first_row + lane / 8;
  if (row >= p.out || unit >= units) {
    return {0, 0, 0};
  }
  const unsigned word = unit * (UNIT / 32) + lane % 8;
  const unsigned* starts = p.starts + row * (units + 1) + unit;
  return {word < p.stored ? __ldg(p.index + row * p.stored + word) : 0, __ldg(starts), __ldg(starts + 1)};
}

// Lets the values of four rows come.
template <typename Bits>
__device__ inline void fetch(const LinearParameters& p, const Piece& piece, char* slots) {
#pragma unroll
  for (unsigned r = 0; r < TOGETHER; r++) {
    const unsigned first = __shfl_sync(ALL, piece.begin, static_cast<int>(8 * r)) / VECTOR<Bits>;
    const unsigned end = (__shfl_sync(ALL, piece.end, static_cast<int>(8 * r)) + VECTOR<Bits> - 1) / VECTOR<Bits>;
#pragma unroll 1
    for (unsigned v = first + threadIdx.x % 32; v < end; v += 32) {
      copies::begin(slots + r * SLOT<Bits> + (v - first) * 16, static_cast<const uint4*>(p.values) + v, 16);
    }
  }
  copies::end_group();
}

// A lane's eight columns of one row of x.
template <typename T>
__device__ inline void load_inputs(const LinearParameters& p, unsigned long long row, unsigned unit, float (&x)[COLUMNS]) {
  using Bits = typename T::Bits;
  const unsigned column = unit * UNIT + threadIdx.x % 32 * COLUMNS;
  const bool there = row < p.batch && column < p.x_stride;
  const auto* from = reinterpret_cast<const uint4*>(static_cast<const Bits*>(p.x) + row * p.x_stride + column);
#pragma unroll
  for (unsigned v = 0; v < COLUMNS / VECTOR<Bits>; v++) {
    const uint4 read = there ? __ldg(from + v) : uint4{};
    const unsigned words[4] = {read.x, read.y, read.z, read.w};
#pragma unroll
    for (unsigned i = 0; i < VECTOR<Bits>; i++) {
      if constexpr (sizeof(Bits) == 2) {
        x[v * VECTOR<Bits> + i] = T::value(static_cast<Bits>(words[i / 2] >> i % 2 * 16));
      } else {
        x[v * VECTOR<Bits> + i] = __uint_as_float(words[i]);
      }
    }
  }
}

// Multiplies four rows of a unit, whose values are there.
template <typename T, unsigned ROWS>
__device__ inline void multiply(const Piece& piece, const char* slots, const float (&x)[ROWS][COLUMNS],
                                float (&sums)[TOGETHER][ROWS]) {
  using Bits = typename T::Bits;
  const unsigned lane = threadIdx.x % 32;
  const auto stored = static_cast<unsigned>(__popc(piece.bits));
  unsigned before = stored;
#pragma unroll
  for (unsigned distance = 1; distance < 8; distance *= 2) {
    const unsigned left = __shfl_up_sync(ALL, before, distance, 8);
    before += lane % 8 >= distance ? left : 0;
  }
  before += piece.begin % VECTOR<Bits> - stored;
#pragma unroll
  for (unsigned r = 0; r < TOGETHER; r++) {
    const auto from = static_cast<int>(8 * r + lane / 4);
    const unsigned word = __shfl_sync(ALL, piece.bits, from);
    const unsigned shift = lane % 4 * COLUMNS;
    const unsigned at = __shfl_sync(ALL, before, from) + static_cast<unsigned>(__popc(word & ((1U << shift) - 1)));
    const unsigned own = word >> shift;
    Cursor<Bits> values(reinterpret_cast<const Bits*>(slots + r * SLOT<Bits>) + at);
#pragma unroll
    for (unsigned i = 0; i < COLUMNS; i++) {
      const unsigned there = own & 1U << i;
      const float weight = T::value(values.get());  // Where none is there, whatever comes next.
      values.step_if(there);
#pragma unroll
      for (unsigned b = 0; b < ROWS; b++) {
        add_product_if(there, sums[r][b], weight, x[b][i]);
      }
    }
  }
}

// Adds up what lanes and warps have, and writes 8 rows of W times ROWS of x.
template <typename T, unsigned ROWS>
__device__ inline void write(const LinearParameters& p, unsigned long long first_row, unsigned long long first_b,
                             const float (&sums)[HALVES][TOGETHER][ROWS], float* shared) {
  constexpr unsigned each = HALVES * TOGETHER * ROWS;
  __syncthreads();  // The slots lie there too.
#pragma unroll
  for (unsigned i = 0; i < each; i++) {
    const float sum = slices::warp_sum(sums[i / ROWS / TOGETHER][i / ROWS % TOGETHER][i % ROWS]);
    if (threadIdx.x % 32 == 0) {
      shared[threadIdx.x / 32 * each + i] = sum;
    }
  }
  __syncthreads();
  const unsigned long long row = first_row + threadIdx.x / ROWS;
  const unsigned long long b = first_b + threadIdx.x % ROWS;
  if (threadIdx.x >= each || row >= p.out || b >= p.batch) {
    return;
  }
  float sum = 0;
#pragma unroll
  for (unsigned warp = 0; warp < WARPS; warp++) {
    sum += shared[warp * each + threadIdx.x];
  }
  write_output<T>(p, b, row, sum);
}

template <typename T, unsigned ROWS>
__device__ inline void multiply_all(const LinearParameters& p, char* shared) {
  using Bits = typename T::Bits;
  const auto passes = static_cast<unsigned>((p.batch + ROWS - 1) / ROWS);
  const unsigned long long first_row = blockIdx.x / passes * (HALVES * TOGETHER);
  const unsigned long long first_b = blockIdx.x % passes * ROWS;
  const unsigned units = (p.stored + UNIT / 32 - 1) / (UNIT / 32);
  char* upper = shared + threadIdx.x / 32 * SLOTS<Bits>;
  char* lower = upper + TOGETHER * SLOT<Bits>;
  float sums[HALVES][TOGETHER][ROWS] = {};
  unsigned unit = threadIdx.x / 32;
  Piece now = describe(p, first_row, unit, units);
  Piece next = describe(p, first_row + TOGETHER, unit, units);
  fetch<Bits>(p, now, upper);
  for (; unit < units; unit += WARPS) {
    fetch<Bits>(p, next, lower);
    const Piece then = describe(p, first_row, unit + WARPS, units);
    const Piece last = describe(p, first_row + TOGETHER, unit + WARPS, units);
    float x[ROWS][COLUMNS];
#pragma unroll
    for (unsigned b = 0; b < ROWS; b++) {
      load_inputs<T>(p, first_b + b, unit, x[b]);
    }
    copies::wait<1>();
    __syncwarp();
    multiply<T, ROWS>(now, upper, x, sums[0]);
    __syncwarp();
    now = then;
    fetch<Bits>(p, now, upper);
    copies::wait<1>();
    __syncwarp();
    multiply<T, ROWS>(next, lower, x, sums[1]);
    __syncwarp();
    next = last;
  }
  write<T, ROWS>(p, first_row, first_b, sums, reinterpret_cast<float*>(shared));
}

}  // namespace bitmap_linear

extern __shared__ uint4 coppice_shared[];

extern "C" __global__ void __launch_bounds__(256, 4) coppice_bitmap_linear_bf16_1(const LinearParameters p) {
  bitmap_linear::multiply_all<Bf16, 1>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 2) coppice_bitmap_linear_bf16_4(const LinearParameters p) {
  bitmap_linear::multiply_all<Bf16, 4>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 4) coppice_bitmap_linear_f16_1(const LinearParameters p) {
  bitmap_linear::multiply_all<F16, 1>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 2) coppice_bitmap_linear_f16_4(const LinearParameters p) {
  bitmap_linear::multiply_all<F16, 4>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 3) coppice_bitmap_linear_f32_1(const LinearParameters p) {
  bitmap_linear::multiply_all<F32, 1>(p, reinterpret_cast<char*>(coppice_shared));
}

extern "C" __global__ void __launch_bounds__(256, 2) coppice_bitmap_linear_f32_4(const LinearParameters p) {
  bitmap_linear::multiply_all<F32, 4>(p, reinterpret_cast<char*>(coppice_shared));
}
