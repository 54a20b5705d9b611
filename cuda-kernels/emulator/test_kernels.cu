// Kernels that do what the emulator must notice or must get right; emulator_test.cpp launches them.
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
