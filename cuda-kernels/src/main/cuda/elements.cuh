// The types of the elements of linear layers.
#pragma once
#include <ptx.cuh>

#include <cstdint>

#include "linear.cuh"

struct Bf16 {
  using Bits = uint16_t;
  __device__ static float value(Bits bits) { return __uint_as_float(static_cast<unsigned>(bits) << 16); }
  __device__ static Bits rounded(float value) {
    const unsigned bits = __float_as_uint(value);
    const unsigned up = bits + 0x7FFFU + (bits >> 16 & 1U);
    return static_cast<Bits>(value != value ? 0x7FFFU : up >> 16);
  }
  template <unsigned SELECTOR>
  __device__ static void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4], unsigned positions) {
    multiply_sparse_bf16<SELECTOR>(d, a, b, positions);
  }
};

struct F16 {
  using Bits = uint16_t;
  __device__ static float value(Bits bits) { return float_of_f16(bits); }
  __device__ static Bits rounded(float value) { return f16_of_float(value); }
  template <unsigned SELECTOR>
  __device__ static void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4], unsigned positions) {
    multiply_sparse_f16<SELECTOR>(d, a, b, positions);
  }
};

struct F32 {
  using Bits = float;
  __device__ static float value(Bits bits) { return bits; }
  __device__ static Bits rounded(float value) { return value; }
};

// Writes y(b, o), given the sum of products.
template <typename T>
__device__ inline void write_output(const LinearParameters& p, unsigned long long b, unsigned long long o, float sum) {
  using Bits = typename T::Bits;
  const float added = p.bias == nullptr ? 0.0F : T::value(static_cast<const Bits*>(p.bias)[o]);
  static_cast<Bits*>(p.y)[b * p.out + o] = T::rounded(sum + added);
}
