// Reads memory and does next to nothing with it: the speed that no kernel can exceed.
#include "kernels.h"
#include "lanes.h"

namespace coppice::COPPICE_ISA {

int64_t read(const void* data, int64_t bytes) {
  const char* from = static_cast<const char*>(data);
  Vector<int32_t> sums[4] = {};
  for (; bytes >= 4 * vector_bytes; bytes -= 4 * vector_bytes) {
    for (auto& sum : sums) {
      __builtin_prefetch(from + 1024);
      sum ^= load<int32_t, int32_t>(from, Full{});
      from += vector_bytes;
    }
  }
  Vector<int32_t> sum = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
  int64_t digest;
  std::memcpy(&digest, &sum, sizeof digest);
  return digest;
}

}  // namespace coppice::COPPICE_ISA
