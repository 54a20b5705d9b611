// fragments: one instruction of the tensor cores on the operands that each lane is given, for tests that compare its
// layout with what the emulated driver takes it to be. A warp a case. 32 threads, 2 KiB of shared memory.
#include <ptx.cuh>

#include "fragments.cuh"

extern __shared__ uint4 coppice_shared[];

extern "C" __global__ void __launch_bounds__(32) coppice_fragments_multiply(const FragmentsParameters p) {
  const FragmentOperands& in = p.operands[blockIdx.x * 32 + threadIdx.x];
  float d[4] = {};
  if (p.f16 != 0 && p.selector != 0) {
    multiply_sparse_f16<1>(d, in.a, in.b, in.positions);
  } else if (p.f16 != 0) {
    multiply_sparse_f16<0>(d, in.a, in.b, in.positions);
  } else if (p.selector != 0) {
    multiply_sparse_bf16<1>(d, in.a, in.b, in.positions);
  } else {
    multiply_sparse_bf16<0>(d, in.a, in.b, in.positions);
  }
  for (unsigned i = 0; i < 4; i++) {
    p.sums[(blockIdx.x * 32 + threadIdx.x) * 4 + i] = d[i];
  }
}

// Four matrices whose element (m, r, c) is 64m + 8r + c, their rows 32 bytes apart.
extern "C" __global__ void __launch_bounds__(32) coppice_fragments_load(const FragmentsParameters p) {
  auto* rows = reinterpret_cast<uint16_t*>(coppice_shared);
  for (unsigned i = threadIdx.x; i < 4 * 64; i += 32) {
    rows[i / 8 * 16 + i % 8] = static_cast<uint16_t>(i);
  }
  __syncwarp();
  unsigned out[4];
  load_matrices(out, rows + threadIdx.x * 16);
  for (unsigned i = 0; i < 4; i++) {
    p.words[threadIdx.x * 4 + i] = out[i];
  }
}
