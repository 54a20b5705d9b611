// The weights of a linear layer as a model stores them (dev.coppice.sparse.Bitmap and TwoFour say how), and its product.
#pragma once

#include <cstdint>
#include <string>

namespace coppice::ort {

enum class Format { bitmap, two_four };

// An array of the model.
struct Part {
  const void* data;
  std::int64_t elements;
};

struct Layer {
  Format format;
  std::int64_t out;
  std::int64_t in;
  Part values;         // F32
  Part index;          // U8 bits, or U32 positions
  Part offsets;        // I64; none for 2:4
  const float* bias;   // [out], or null

  const float* weights() const { return static_cast<const float*>(values.data); }
};

// Says what is wrong with parts, of which nothing is to be trusted; an empty string if nothing is. Before this, no index
// in them is followed.
std::string fault(const Layer& layer);

// Computes y[b, row] for all rows b of x [batch, in] and rows `from` to before `to` of the weights; y is [batch, out].
void product(const Layer& layer, const float* x, std::int64_t batch, float* y, std::int64_t from, std::int64_t to);

}  // namespace coppice::ort
