// y[b][o] = bias[o]: what a product is then added to, so that its sum is rounded once.
// Moves the bytes of y once; the row stays in the cache. A block a tile of a row: blocks = rows * tiles.
#include "broadcast.cuh"

template <typename T>
__device__ void broadcast(const BroadcastParameters& p) {
  const unsigned long long row = blockIdx.x / p.tiles;
  const unsigned long long first = blockIdx.x % p.tiles * BROADCAST_TILE;
  T* const target = static_cast<T*>(p.target) + row * p.words;
  for (unsigned i = threadIdx.x; i < BROADCAST_TILE && first + i < p.words; i += BROADCAST_THREADS) {
    target[first + i] = static_cast<const T*>(p.row)[first + i];
  }
}

extern "C" __global__ void __launch_bounds__(256) coppice_broadcast(const BroadcastParameters p) {
  if (p.bytes == sizeof(uint4)) {
    broadcast<uint4>(p);
  } else if (p.bytes == sizeof(unsigned)) {
    broadcast<unsigned>(p);
  } else {
    broadcast<unsigned short>(p);
  }
}
