// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
// 2011), with the counter that SPEC.md, "Random", gives it, several counters at a time.
#pragma once

#include <utility>

#include "coppice.h"
#include "lanes.h"

namespace coppice::COPPICE_ISA {

// One 32-bit word of the state in each 64-bit lane; the upper half may hold anything.
typedef uint64_t Wide __attribute__((vector_size(vector_bytes)));
inline constexpr int wide_lanes = vector_bytes / 8;
inline constexpr int philox_batch = 4 * wide_lanes;

COPPICE_INLINE Wide multiply_low_halves(Wide a, uint32_t b) {
  Wide factor = Wide{} + b;
#if defined(COPPICE_LANES_AVX512)
  return (Wide)_mm512_maskz_mul_epu32(0xFF, (__m512i)a, (__m512i)factor);
#elif defined(COPPICE_LANES_AVX2)
  return (Wide)_mm256_mul_epu32((__m256i)a, (__m256i)factor);
#elif defined(__x86_64__)
  return (Wide)_mm_mul_epu32((__m128i)a, (__m128i)factor);
#else
  return (a & 0xFFFFFFFFU) * factor;
#endif
}

// Writes lane 0 of both, lane 1 of both, and so on.
template <size_t... I>
COPPICE_INLINE void interleave(Wide even, Wide odd, char* out, std::index_sequence<I...>) {
  constexpr int half = wide_lanes / 2;
  Wide front = __builtin_shufflevector(even, odd, (I / 2 + I % 2 * wide_lanes)...);
  Wide back = __builtin_shufflevector(even, odd, (half + I / 2 + I % 2 * wide_lanes)...);
  std::memcpy(out, &front, sizeof front);
  std::memcpy(out + sizeof front, &back, sizeof back);
}

// Writes the words of wide_lanes counters, from counter on, in their order. Their sign bit is
// flipped: as signed numbers they then have the order of the unsigned words.
COPPICE_INLINE void philox(uint64_t seed, uint64_t tensor, uint64_t counter, char* out) {
  constexpr uint64_t low = 0xFFFFFFFFU;
  constexpr uint64_t sign = 0x80000000U;
  Wide index = Wide{} + counter;
  for (int i = 0; i < wide_lanes; i++) {
    index[i] += static_cast<uint64_t>(i);
  }
  Wide c0 = index;
  Wide c1 = index >> 32;
  Wide c2 = Wide{} + (tensor & low);
  Wide c3 = Wide{} + (tensor >> 32);
  auto key0 = static_cast<uint32_t>(seed);
  auto key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; round++) {
    Wide product0 = multiply_low_halves(c0, 0xD2511F53U);
    Wide product1 = multiply_low_halves(c2, 0xCD9E8D57U);
    c0 = (product1 >> 32) ^ c1 ^ key0;
    c1 = product1;
    c2 = (product0 >> 32) ^ c3 ^ key1;
    c3 = product0;
    key0 += 0x9E3779B9U;
    key1 += 0xBB67AE85U;
  }
  Wide front = ((c0 & low) | (c1 << 32)) ^ (sign | sign << 32);
  Wide back = ((c2 & low) | (c3 << 32)) ^ (sign | sign << 32);
  interleave(front, back, out, std::make_index_sequence<wide_lanes>{});
}

// Writes the words of the weights index to index + n - 1 of a tensor, sign bits flipped.
inline void random_words(const coppice_slice& slice, uint64_t index, int64_t n, int32_t* out) {
  auto seed = static_cast<uint64_t>(slice.seed);
  auto tensor = static_cast<uint64_t>(slice.tensor);
  auto skipped = static_cast<int64_t>(index & 3);
  for (uint64_t counter = index >> 2; n > 0; counter += wide_lanes, skipped = 0) {
    if (skipped == 0 && n >= philox_batch) {
      philox(seed, tensor, counter, reinterpret_cast<char*>(out));
      out += philox_batch;
      n -= philox_batch;
    } else {
      int32_t batch[philox_batch];
      philox(seed, tensor, counter, reinterpret_cast<char*>(batch));
      int64_t taken = n < philox_batch - skipped ? n : philox_batch - skipped;
      std::memcpy(out, batch + skipped, static_cast<size_t>(taken) * sizeof *out);
      out += taken;
      n -= taken;
    }
  }
}

// Writes the words of the slice's elements position to position + n - 1.
inline void slice_words(const coppice_slice& slice, int64_t position, int64_t n, int32_t* out) {
  if (n <= 0) {
    return;
  }
  int64_t run = position / slice.run_length;
  int64_t offset = position % slice.run_length;
  for (; n > 0; run++, offset = 0) {
    int64_t taken = slice.run_length - offset < n ? slice.run_length - offset : n;
    random_words(slice, static_cast<uint64_t>(slice.first + run * slice.stride + offset), taken,
                 out);
    out += taken;
    n -= taken;
  }
}

}  // namespace coppice::COPPICE_ISA
