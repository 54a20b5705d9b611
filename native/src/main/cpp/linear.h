// How the inputs of a product lie, as coppice_linear_inputs writes and coppice_linear reads them.
#pragma once

#include "expand.h"
#include "kernels.h"

namespace coppice::COPPICE_ISA {

// A block of rows of x has 1 to 8 vectors.
inline constexpr int block_vectors = 8;
inline constexpr int64_t block_lanes = block_vectors * float_lanes;

inline constexpr int64_t lanes_of(int64_t rows) {
  return rows < block_lanes ? (rows + float_lanes - 1) / float_lanes * float_lanes : block_lanes;
}

COPPICE_INLINE int64_t offset_of(const coppice_weights& weights, int64_t row) {
  return at<int64_t>(static_cast<const char*>(weights.offsets) + row * 8);
}

COPPICE_INLINE int64_t bits_stride(const coppice_weights& weights) {
  return inputs_stride(weights.in) / 8;
}

// Writes one element of y.
template <typename E>
COPPICE_INLINE void finish(const coppice_weights& weights, void* y, int64_t b, int64_t row,
                           float total) {
  if (weights.bias != nullptr) {
    total += E::widen(
        at<typename E::Bits>(static_cast<const char*>(weights.bias) + row * E::size));
  }
  typename E::Bits bits = E::narrow(total);
  std::memcpy(static_cast<char*>(y) + (b * weights.out + row) * E::size, &bits, sizeof bits);
}

}  // namespace coppice::COPPICE_ISA
