#include <algorithm>
#include <bit>
#include <cstring>

#include "layer.h"

namespace coppice::ort {
namespace {

// Sums of one row of the weights with `rows` rows of x.
template <int rows>
struct Sums {
  const float* x;
  std::int64_t in;
  float of[rows] = {};

  void add(float weight, std::int64_t column) {
    for (int b = 0; b < rows; b++) {
      of[b] += weight * x[b * in + column];
    }
  }
};

template <int rows>
void add_bitmap(const Layer& layer, std::int64_t row, Sums<rows>& sums) {
  const std::int64_t stride = (layer.in + 127) / 128 * 16;
  const auto* bits = static_cast<const unsigned char*>(layer.index.data) + row * stride;
  const float* values = layer.weights() + static_cast<const std::int64_t*>(layer.offsets.data)[row];
  for (std::int64_t i = 0; i < stride; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, bits + i, sizeof word);
    for (; word != 0; word &= word - 1) {
      sums.add(*values++, 8 * i + std::countr_zero(word));
    }
  }
}

template <int rows>
void add_two_four(const Layer& layer, std::int64_t row, Sums<rows>& sums) {
  const std::int64_t tiles = (layer.in + 31) / 32;
  const float* values = layer.weights() + row * tiles * 16;
  const auto* halves = static_cast<const std::uint16_t*>(layer.index.data) + row / 16 * tiles * 32 + row % 8 * 4 + row % 16 / 8;
  for (std::int64_t column = 0; column < layer.in; column += 4) {
    const unsigned code = halves[column / 32 * 32 + column % 32 / 16 * 2] >> (column % 16) & 15;
    sums.add(values[column / 2], column + (code & 3));
    sums.add(values[column / 2 + 1], column + (code >> 2));
  }
}

template <int rows>
void block(const Layer& layer, const float* x, float* y, std::int64_t from, std::int64_t to) {
  for (std::int64_t row = from; row < to; row++) {
    Sums<rows> sums{x, layer.in};
    if (layer.format == Format::bitmap) {
      add_bitmap(layer, row, sums);
    } else {
      add_two_four(layer, row, sums);
    }
    for (int b = 0; b < rows; b++) {
      y[b * layer.out + row] = sums.of[b] + (layer.bias == nullptr ? 0 : layer.bias[row]);
    }
  }
}

}  // namespace

void product(const Layer& layer, const float* x, std::int64_t batch, float* y, std::int64_t from, std::int64_t to) {
  constexpr int most = 8;
  std::int64_t b = 0;
  for (; b + most <= batch; b += most) {
    block<most>(layer, x + b * layer.in, y + b * layer.out, from, to);
  }
  for (; b < batch; b++) {
    block<1>(layer, x + b * layer.in, y + b * layer.out, from, to);
  }
}

}  // namespace coppice::ort
