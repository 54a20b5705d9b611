// Keys (SPEC.md, "Key"): unsigned 32-bit numbers that grow with a weight's magnitude. Those of 16-bit types
// lie in the upper half, so that bits 30..16 rank every type and decide 16-bit types at once.
#pragma once
#include "tables.cuh"

template <typename Bits>
__device__ inline unsigned own_key(Bits bits) {
  if constexpr (sizeof(Bits) == 2) {
    return (static_cast<unsigned>(bits) & 0x7FFFU) << 16;
  } else {
    return bits & 0x7FFFFFFFU;
  }
}

// The key of an F16 weight among F32 ones, exact for denormals too: their value is fraction * 2^-24.
__device__ inline unsigned f16_as_f32(unsigned bits) {
  const unsigned exponent = bits >> 10 & 31U;
  const unsigned fraction = bits & 0x3FFU;
  if (exponent == 31) {
    return 0x7F800000U | fraction << 13;
  }
  return exponent == 0 ? __float_as_uint(static_cast<float>(fraction) * 0x1p-24F)
                       : (exponent + 112) << 23 | fraction << 13;
}

// The key of a weight's magnitude in its slice's form.
template <typename Bits>
__device__ inline unsigned magnitude_key(Bits bits, Form form) {
  if constexpr (sizeof(Bits) == 2) {
    return form == Form::F16_AS_F32 ? f16_as_f32(bits) : own_key(bits);
  } else {
    return own_key(bits);
  }
}

template <typename Bits>
__device__ inline bool is_zero(Bits bits) {
  return own_key(bits) == 0;
}

// The row-major index in the tensor of element i of a slice.
__device__ inline unsigned long long tensor_index(const Slice& slice, unsigned long long i) {
  return slice.run >= slice.elements
             ? slice.first + i
             : slice.first + i / slice.run * slice.stride + i % slice.run;
}
