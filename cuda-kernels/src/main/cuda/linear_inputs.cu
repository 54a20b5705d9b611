// linear_inputs: x anew, for the kernels of linear layers, where its rows are not aligned to 16 bytes or not a multiple
// of 8 elements long: copy(b, i) = i < in ? x(b, i) : 0 for i < stride. 2 + 2 or 4 + 4 bytes an element, once a call;
// x is small against W. 256 threads; any number of blocks is correct.
#include <cstdint>

#include "linear.cuh"

namespace linear_inputs {

template <typename Bits>
__device__ inline void copy(const InputsParameters& p) {
  const auto* x = static_cast<const Bits*>(p.x);
  auto* to = static_cast<Bits*>(p.copy);
  for (unsigned long long b = blockIdx.x; b < p.batch; b += gridDim.x) {
    for (unsigned i = threadIdx.x; i < p.stride; i += blockDim.x) {
      to[b * p.stride + i] = i < p.in ? x[b * p.in + i] : Bits{0};
    }
  }
}

}  // namespace linear_inputs

extern "C" __global__ void __launch_bounds__(256) coppice_linear_inputs_16(const InputsParameters p) {
  linear_inputs::copy<uint16_t>(p);
}

extern "C" __global__ void __launch_bounds__(256) coppice_linear_inputs_32(const InputsParameters p) {
  linear_inputs::copy<uint32_t>(p);
}
