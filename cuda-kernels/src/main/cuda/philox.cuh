// Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011) with the counter of SPEC.md, "Random".
#pragma once
#include <cstdint>

// The words of the weights 4 * block to 4 * block + 3 of a tensor.
__device__ inline uint4 philox(unsigned long long seed, unsigned long long tensor,
                               unsigned long long block) {
  auto key0 = static_cast<unsigned>(seed);
  auto key1 = static_cast<unsigned>(seed >> 32);
  // Round keys are cheaper to add up again than to keep in 20 registers over a loop.
  asm volatile("" : "+r"(key0), "+r"(key1));
  uint4 c = {static_cast<unsigned>(block), static_cast<unsigned>(block >> 32),
             static_cast<unsigned>(tensor), static_cast<unsigned>(tensor >> 32)};
  for (int round = 0; round < 10; round++) {
    const unsigned long long product0 = 0xD2511F53ULL * c.x;
    const unsigned long long product1 = 0xCD9E8D57ULL * c.z;
    c = {static_cast<unsigned>(product1 >> 32) ^ c.y ^ key0, static_cast<unsigned>(product1),
         static_cast<unsigned>(product0 >> 32) ^ c.w ^ key1, static_cast<unsigned>(product0)};
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  return c;
}

// The word of one weight. Neighbours share a block: where they are at hand together, use philox().
__device__ inline unsigned philox_word(unsigned long long seed, unsigned long long tensor,
                                       unsigned long long index) {
  const uint4 words = philox(seed, tensor, index / 4);
  switch (index % 4) {
    case 0:
      return words.x;
    case 1:
      return words.y;
    case 2:
      return words.z;
    default:
      return words.w;
  }
}
