// slice_sums: the sum of each chunk of each row, in the order of SPEC.md, "Reductions".
//
//   term     x * x or |x| as F64; the square of an F32, F16 or BF16 is exact, so that a fused multiply-add gives
//            the same bits
//   partial  j = 0 .. 31 adds the terms j, j + 32, j + 64, ... of its chunk, in order
//   sum      partial j takes j + 16, then j + 8, j + 4, j + 2, j + 1
//
// Bytes an element: 2 or 4 read; 8 written a chunk. A sum that is NaN makes its threads look for the NaN.
// Launch: 256 threads, SUMS_SHARED bytes of shared memory, any number of blocks. Where a row is runs of SHORT_RUN
// elements or more, a warp takes a chunk and a lane a partial sum: neighbouring lanes read neighbouring elements.
// Where runs are shorter, as those of columns are, a block takes a chunk of 32 rows, a lane a row and a warp four
// partial sums: neighbouring lanes read neighbouring rows.
//
// What bounds it: each element takes a conversion, a product and an addition in F64, and an addition waits for the
// one before it; of the occupancy, 8 warps a scheduler or more hide that behind each other.
#include "slice_sums.cuh"

#include "slices.cuh"

extern __shared__ uint4 coppice_shared[];

namespace slice_sums {

using slices::ALL;
using slices::WARP;

constexpr unsigned WARPS = SUMS_THREADS / WARP;
constexpr unsigned OWN = WARP / WARPS;   // partial sums of a thread where lanes are rows
constexpr unsigned PITCH = WARP + 1;     // of the partial sums in shared memory: no two lanes meet in a bank
static_assert(SUMS_SHARED == WARP * PITCH * sizeof(double));

template <Element E>
__device__ inline float magnitude(const void* elements, unsigned long long at) {
  if constexpr (E == Element::F32) {
    return __uint_as_float(own_key(slices::global(static_cast<const uint32_t*>(elements))[at]));
  } else {
    const uint16_t bits = slices::global(static_cast<const uint16_t*>(elements))[at];
    return __uint_as_float(E == Element::BF16 ? own_key(bits) : f16_as_f32(bits & 0x7FFFU));
  }
}

template <Element E>
__device__ inline double term(const SliceSumsParameters& p, unsigned long long at) {
  const auto value = static_cast<double>(magnitude<E>(p.elements, at));
  return p.squares != 0 ? value * value : value;
}

// Walks every 32nd element of a row.
struct Walk {
  unsigned long long inner;
  unsigned long long stride;
  unsigned long long at;     // where the element lies
  unsigned long long i;      // its place in its run
  unsigned long long runs;   // what 32 elements are: whole runs,
  unsigned long long rest;   //   and so many elements

  __device__ Walk(const SliceSumsParameters& p, unsigned long long row, unsigned long long number)
      : inner(p.inner), stride(p.stride), runs(WARP / p.inner), rest(WARP % p.inner) {
    const unsigned long long run = number / inner;
    i = number - run * inner;
    at = run * stride + row * inner + i;
  }

  __device__ void advance() {
    i += rest;
    at += runs * stride + rest;
    if (i >= inner) {
      i -= inner;
      at += stride - inner;
    }
  }
};

// Adds up every 32nd element of a row from number `begin` to before `end`.
template <Element E>
__device__ inline double add_up(const SliceSumsParameters& p, unsigned long long row, unsigned long long begin,
                                unsigned long long end) {
  double sum = 0;
  if (begin >= end) {
    return sum;
  }
  Walk walk(p, row, begin);
  auto left = static_cast<unsigned>((end - begin + WARP - 1) / WARP);
  constexpr unsigned loads = 8;
  for (; left >= loads; left -= loads) {
    double terms[loads];
#pragma unroll
    for (unsigned k = 0; k < loads; k++) {
      terms[k] = term<E>(p, walk.at);
      walk.advance();
    }
#pragma unroll
    for (unsigned k = 0; k < loads; k++) {
      sum += terms[k];
    }
  }
  for (; left != 0; left--) {
    sum += term<E>(p, walk.at);
    walk.advance();
  }
  return sum;
}

// Notes the first NaN among every 32nd element.
template <Element E>
__device__ inline void find_nan(const SliceSumsParameters& p, unsigned long long row, unsigned long long begin,
                                unsigned long long end) {
  if (begin >= end) {
    return;
  }
  Walk walk(p, row, begin);
  for (unsigned long long number = begin; number < end; number += WARP) {
    const float value = magnitude<E>(p.elements, walk.at);
    if (value != value) {
      atomicMin(p.first_nan, walk.at);
      return;
    }
    walk.advance();
  }
}

// A chunk a warp, a partial sum a lane.
template <Element E>
__device__ inline void long_runs(const SliceSumsParameters& p, unsigned long long chunks) {
  const unsigned lane = threadIdx.x % WARP;
  const unsigned long long all = p.rows * chunks;
  for (unsigned long long unit = blockIdx.x * (0ULL + WARPS) + threadIdx.x / WARP; unit < all;
       unit += gridDim.x * (0ULL + WARPS)) {
    const unsigned long long row = unit / chunks;
    const unsigned long long begin = p.from + (unit - row * chunks) * SUM_CHUNK;
    const unsigned long long end = min(begin + SUM_CHUNK, p.to);
    const double partial = add_up<E>(p, row, begin + lane, end);
    if (partial != partial) {
      find_nan<E>(p, row, begin + lane, end);
    }
    double sum = partial;
    for (unsigned distance = WARP / 2; distance > 0; distance /= 2) {
      sum += __shfl_down_sync(ALL, sum, distance);
    }
    if (lane == 0) {
      p.sums[unit] = sum;
    }
  }
}

// A chunk of 32 rows a block, a row a lane, some partial sums a warp.
template <Element E>
__device__ inline void short_runs(const SliceSumsParameters& p, unsigned long long chunks) {
  auto* partials = reinterpret_cast<double*>(coppice_shared);  // [partial][row]
  const unsigned lane = threadIdx.x % WARP;
  const unsigned warp = threadIdx.x / WARP;
  const unsigned long long groups = (p.rows + WARP - 1) / WARP;
  for (unsigned long long unit = blockIdx.x; unit < groups * chunks; unit += gridDim.x) {
    const unsigned long long chunk = unit / groups;
    const unsigned long long row = (unit - chunk * groups) * WARP + lane;
    const unsigned long long begin = p.from + chunk * SUM_CHUNK;
    const unsigned long long end = min(begin + SUM_CHUNK, p.to);
    for (unsigned own = 0; own < OWN; own++) {
      const unsigned j = own * WARPS + warp;
      const double partial = row < p.rows ? add_up<E>(p, row, begin + j, end) : 0;
      if (partial != partial) {
        find_nan<E>(p, row, begin + j, end);
      }
      partials[j * PITCH + lane] = partial;
    }
    __syncthreads();
    if (warp == 0) {
      for (unsigned distance = WARP / 2; distance > 0; distance /= 2) {
        for (unsigned j = 0; j < distance; j++) {
          partials[j * PITCH + lane] += partials[(j + distance) * PITCH + lane];
        }
      }
      if (row < p.rows) {
        p.sums[row * chunks + chunk] = partials[lane];
      }
    }
    __syncthreads();
  }
}

template <Element E>
__device__ inline void run(const SliceSumsParameters& p) {
  const unsigned long long chunks = (p.to - p.from + SUM_CHUNK - 1) / SUM_CHUNK;
  if (p.inner < SHORT_RUN && p.to > p.inner) {
    short_runs<E>(p, chunks);
  } else {
    long_runs<E>(p, chunks);
  }
}

}  // namespace slice_sums

extern "C" __global__ void __launch_bounds__(256, 4) coppice_slice_sums(const SliceSumsParameters p) {
  switch (p.element) {
    case Element::F32:
      slice_sums::run<Element::F32>(p);
      break;
    case Element::F16:
      slice_sums::run<Element::F16>(p);
      break;
    case Element::BF16:
      slice_sums::run<Element::BF16>(p);
      break;
  }
}
