// Kernels that do what the emulator must notice or must get right; emulator_test.cpp launches them.
#include <ptx.cuh>

#include <cstdint>

struct TestParameters {
  unsigned* data;
  unsigned count;
};

extern __shared__ uint4 coppice_shared[];

// Half the block never comes to the barrier.
extern "C" __global__ void test_divergent_barrier(const TestParameters p) {
  if (threadIdx.x < blockDim.x / 2) {
    __syncthreads();
  }
  p.data[0] = 1;
}

// The last lane leaves before the shuffle that names it.
extern "C" __global__ void test_missing_lane(const TestParameters p) {
  if (threadIdx.x != 31) {
    p.data[threadIdx.x] = __shfl_down_sync(0xFFFFFFFFU, threadIdx.x, 1U);
  }
}

extern "C" __global__ void test_write_past_end(const TestParameters p) { p.data[p.count] = 7; }

extern "C" __global__ void test_write_past_shared(const TestParameters p) {
  reinterpret_cast<unsigned*>(coppice_shared)[p.count] = 7;
}

// Reverses each block's elements through static shared memory.
extern "C" __global__ void test_reverse(const TestParameters p) {
  __shared__ unsigned tile[1024];
  const unsigned first = blockIdx.x * blockDim.x;
  tile[threadIdx.x] = p.data[first + threadIdx.x];
  __syncthreads();
  p.data[first + threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

// The same with its barrier forgotten.
extern "C" __global__ void test_reverse_without_barrier(const TestParameters p) {
  __shared__ unsigned tile[1024];
  const unsigned first = blockIdx.x * blockDim.x;
  tile[threadIdx.x] = p.data[first + threadIdx.x];
  p.data[first + threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

// Each lane: the sum over its warp by exchange, the ballot of odd lanes, its neighbours' numbers.
extern "C" __global__ void test_warp(const TestParameters p) {
  unsigned sum = threadIdx.x % 32;
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    sum += __shfl_xor_sync(0xFFFFFFFFU, sum, lanes);
  }
  const unsigned odd = __ballot_sync(0xFFFFFFFFU, threadIdx.x % 2);
  const unsigned above = __shfl_down_sync(0xFFFFFFFFU, threadIdx.x % 32, 1U);
  const unsigned below = __shfl_up_sync(0xFFFFFFFFU, threadIdx.x % 32, 1U);
  const unsigned zeroth = __shfl_sync(0xFFFFFFFFU, threadIdx.x, 0);
  p.data[threadIdx.x] = sum + (odd == 0xAAAAAAAAU) + 1000 * (above + below) + 100000 * zeroth;
}

// Adds up the blocks' numbers by a look-back: each waits for what the one before it publishes. Blocks
// are numbered by ticket, or by blockIdx where that is asked for: then they wait for one that may never begin.
extern "C" __global__ void test_look_back(const TestParameters p) {
  __shared__ unsigned number;
  if (threadIdx.x == 0) {
    number = p.count == 0 ? atomicAdd(&p.data[0], 1U) : blockIdx.x;
  }
  __syncthreads();
  const unsigned own = number;
  volatile unsigned* published = p.data + 1;
  if (threadIdx.x / 32 == 0) {
    unsigned before = 0;
    while (own > 0 && __any_sync(0xFFFFFFFFU, (before = published[own - 1]) == 0)) {
      __nanosleep(20);
    }
    __threadfence();
    if (threadIdx.x == 0) {
      published[own] = before + 1 + own;
    }
  }
}

// Waits for what nobody writes.
extern "C" __global__ void test_sleep_for_ever(const TestParameters p) {
  volatile unsigned* word = p.data;
  while (*word == 0) {
    __nanosleep(20);
  }
}

// Says in which order blocks began.
extern "C" __global__ void test_order(const TestParameters p) {
  p.data[1 + atomicAdd(&p.data[0], 1U)] = blockIdx.x;
}

// All threads count, p.count times each, in global memory and in shared memory; with atomics or without.
template <typename Add>
__device__ void count_everywhere(const TestParameters& p, Add add) {
  unsigned* counter = reinterpret_cast<unsigned*>(coppice_shared);
  if (threadIdx.x == 0) {
    *counter = 0;
  }
  __syncthreads();
  for (unsigned i = 0; i < p.count; i++) {
    add(p.data);
    add(counter);
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    atomicAdd(p.data + 1, *counter);
  }
}

extern "C" __global__ void test_plain_addition(const TestParameters p) {
  count_everywhere(p, [](unsigned* counter) { *counter += 1; });
}

extern "C" __global__ void test_atomic_addition(const TestParameters p) {
  count_everywhere(p, [](unsigned* counter) { atomicAdd(counter, 1U); });
}

// Each thread writes a row of what the functions over warp and block answer.
extern "C" __global__ void test_votes(const TestParameters p) {
  constexpr unsigned all = 0xFFFFFFFFU;
  const unsigned lane = threadIdx.x % 32;
  unsigned* row = p.data + 12 * threadIdx.x;
  row[0] = __match_any_sync(all, lane % 3);
  row[1] = __reduce_add_sync(all, lane);
  row[2] = __reduce_min_sync(all, lane + 5);
  row[3] = __reduce_max_sync(all, lane + 5);
  row[4] = __reduce_or_sync(all, 1U << lane / 2);
  row[5] = static_cast<unsigned>(__all_sync(all, lane < 32));
  row[6] = static_cast<unsigned>(__any_sync(all, lane > 31));
  row[7] = static_cast<unsigned>(__syncthreads_count(threadIdx.x % 4 == 0));
  row[8] = static_cast<unsigned>(__syncthreads_or(threadIdx.x == 7));
  row[9] = static_cast<unsigned>(__syncthreads_and(threadIdx.x != 7));
  // Half a warp by itself.
  const unsigned half = lane < 16 ? 0xFFFFU : 0xFFFF0000U;
  row[10] = __reduce_add_sync(half, 1U);
  row[11] = __shfl_sync(half, lane, 3, 16);
}

extern "C" __global__ void test_words(const TestParameters p) {
  atomicMin(&p.data[0], 3U);
  atomicMax(&p.data[1], 3U);
  atomicOr(&p.data[2], 4U);
  atomicAnd(&p.data[3], 6U);
  atomicXor(&p.data[4], 5U);
  p.data[6] = atomicExch(&p.data[5], 9U);
  p.data[8] = atomicCAS(&p.data[7], 1U, 2U) + atomicCAS(&p.data[7], 1U, 3U);
  p.data[9] = __umulhi(0x80000000U, 6U);
  p.data[10] = __brev(0x80000001U) + __brev(2U);
  p.data[11] = static_cast<unsigned>(__ffs(0) + 10 * __ffsll(1LL << 40) + 1000 * __clzll(1) + __clz(1));
  p.data[12] = static_cast<unsigned>(__popc(0xFFU) + 100 * __popcll(~0ULL));
  p.data[13] = __byte_perm(0x33221100U, 0x77665544U, 0x7412U);
  p.data[14] = __funnelshift_l(0x80000000U, 1U, 1U) + __funnelshift_r(2U, 1U, 1U);
  p.data[15] = __float_as_uint(rintf(2.5F)) - __float_as_uint(__uint_as_float(0x40000000U));
  p.data[16] = __ldg(p.data + 1) + make_uint4(1, 2, 3, 4).w + make_uint2(5, 6).y;
}

extern "C" __global__ void test_trap(const TestParameters p) {
  __builtin_assume(__isGlobal(p.data) && __isShared(coppice_shared));
  if (threadIdx.x == 5) {
    __trap();
  }
  __syncthreads();
}

extern "C" __global__ void test_assume(const TestParameters p) {
  __builtin_assume(p.count > threadIdx.x);
  p.data[0] = 7;
}

extern "C" __global__ void __launch_bounds__(64) test_bounds(const TestParameters p) { p.data[0] = 7; }

// Each lane copies four words through shared memory; p.count: waits for the copies, or for all but the last group.
extern "C" __global__ void test_copies(const TestParameters p) {
  for (unsigned group = 0; group < 2; group++) {
    const unsigned at = group * 32 + threadIdx.x;
    copies::begin(coppice_shared + at, p.data + 4 * at, 4 * (threadIdx.x % 5));
    copies::end_group();
  }
  if (p.count == 0) {
    copies::wait<0>();
  } else {
    copies::wait<1>();
  }
  for (unsigned group = 0; group < 2; group++) {
    const unsigned at = group * 32 + threadIdx.x;
    reinterpret_cast<uint4*>(p.data)[at] = coppice_shared[at];
  }
}

// Positions that name the same column twice.
extern "C" __global__ void test_positions(const TestParameters p) {
  const unsigned operand[4] = {};
  float sums[4] = {};
  multiply_sparse_bf16<0>(sums, operand, operand, p.count);
  p.data[threadIdx.x] = __float_as_uint(sums[0]);
}
