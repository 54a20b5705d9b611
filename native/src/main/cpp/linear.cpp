// The product of a linear layer: y = x W^T + b, for some rows of W. Sums are F32.
#include "linear_columns.h"
#include "linear_dense.h"
#include "linear_rows.h"

namespace coppice::COPPICE_ISA {
namespace {

template <typename Body>
void with_type(int64_t dtype, Body body) {
  if (dtype == COPPICE_F32) {
    body(F32{});
  } else if (dtype == COPPICE_F16) {
    body(F16{});
  } else {
    body(BF16{});
  }
}

// Whether rows of x lie as they come, [batch, inputs_stride], and are multiplied a few at a time
// (linear_rows.h), or are turned round: blocks of rows, each [in, lanes of the block], whose
// products take a time for each stored weight and not for each row. From how many rows on that is
// faster was measured, with AVX2 and AVX-512.
bool as_they_come(const coppice_weights& weights, int64_t batch) {
  int64_t most = most_single_rows;
  if (weights.format == COPPICE_CSR) {
    most = always_single_rows;
  } else if (weights.format == COPPICE_BITMAP &&
             offset_of(weights, weights.out) * 8 <= weights.out * weights.in) {
    most = 6;
  } else if (weights.format == COPPICE_DENSE && weights.dtype == COPPICE_F32) {
    most = most_shared_rows;
  }
  return batch <= most;
}

template <typename E>
void copy_rows(const char* x, int64_t in, int64_t batch, int64_t first, int64_t end, float* to) {
  int64_t stride = inputs_stride(in);
  for (int64_t b = 0; b < batch; b++) {
    float* row = to + b * stride;
    widen<E>(x + (b * in + first) * E::size, end - first, row + first);
    if (end == in) {
      std::memset(row + in, 0, static_cast<size_t>(stride - in) * sizeof(float));
    }
  }
}

// Turns rows of x round, square by square; lanes that are beyond become 0.
template <typename E>
void turn_rows(const char* x, int64_t in, int64_t rows, int64_t first, int64_t end, float* to) {
  int64_t lanes = lanes_of(rows);
  for (int64_t c = first; c < end; c += float_lanes) {
    int64_t columns = end - c < float_lanes ? end - c : float_lanes;
    for (int64_t b = 0; b < lanes; b += float_lanes) {
      Floats square[float_lanes] = {};
      for (int64_t i = 0; i < float_lanes && b + i < rows; i++) {
        const char* from = x + ((b + i) * in + c) * E::size;
        if (columns == float_lanes) {
          square[i] = E::load(from);
        } else {
          float last[float_lanes] = {};
          widen<E>(from, columns, last);
          square[i] = at<Floats>(last);
        }
      }
      turn(square);
      for (int64_t i = 0; i < columns; i++) {
        put(to + (c + i) * lanes + b, square[i]);
      }
    }
  }
}

template <typename E>
void strip(const coppice_weights& weights, const float* x, int64_t lanes, int64_t first,
           int64_t end, float* sums) {
  if (weights.format == COPPICE_DENSE) {
    for (int64_t v = 0; v < lanes; v += 4 * float_lanes) {
      switch ((lanes - v) / float_lanes) {
        case 1: dense_strip<E, 1>(weights, x + v, lanes, first, end, sums + v); break;
        case 2: dense_strip<E, 2>(weights, x + v, lanes, first, end, sums + v); break;
        case 3: dense_strip<E, 3>(weights, x + v, lanes, first, end, sums + v); break;
        default: dense_strip<E, 4>(weights, x + v, lanes, first, end, sums + v);
      }
    }
    return;
  }
  switch (lanes / float_lanes) {
    case 1: return sparse_strip<E, 1>(weights, x, first, end, sums);
    case 2: return sparse_strip<E, 2>(weights, x, first, end, sums);
    case 3: return sparse_strip<E, 3>(weights, x, first, end, sums);
    case 4: return sparse_strip<E, 4>(weights, x, first, end, sums);
    case 5: return sparse_strip<E, 5>(weights, x, first, end, sums);
    case 6: return sparse_strip<E, 6>(weights, x, first, end, sums);
    case 7: return sparse_strip<E, 7>(weights, x, first, end, sums);
    default: return sparse_strip<E, 8>(weights, x, first, end, sums);
  }
}

template <typename E>
void blocks(const coppice_weights& weights, const float* inputs, int64_t batch, int64_t first,
            int64_t end, void* y, float* sums) {
  for (int64_t b = 0; b < batch; b += block_lanes) {
    int64_t rows = batch - b < block_lanes ? batch - b : block_lanes;
    int64_t lanes = lanes_of(rows);
    for (int64_t row = first; row < end; row += strip_of_linear) {
      int64_t strip_end = row + strip_of_linear < end ? row + strip_of_linear : end;
      std::memset(sums, 0, static_cast<size_t>((strip_end - row) * lanes) * sizeof(float));
      strip<E>(weights, inputs + b * weights.in, lanes, row, strip_end, sums);
      for (int64_t i = 0; i < rows; i++) {
        for (int64_t r = row; r < strip_end; r++) {
          finish<E>(weights, y, b + i, r, sums[(r - row) * lanes + i]);
        }
      }
    }
  }
}

}  // namespace

void linear_inputs(const coppice_weights* weights, const void* x, int64_t batch, int64_t first,
                   int64_t end, void* inputs) {
  const char* from = static_cast<const char*>(x);
  float* to = static_cast<float*>(inputs);
  int64_t in = weights->in;
  with_type(weights->dtype, [&]<typename E>(E) {
    if (as_they_come(*weights, batch)) {
      copy_rows<E>(from, in, batch, first, end, to);
      return;
    }
    for (int64_t b = 0; b < batch; b += block_lanes) {
      int64_t rows = batch - b < block_lanes ? batch - b : block_lanes;
      turn_rows<E>(from + b * in * E::size, in, rows, first, end, to + b * in);
    }
  });
}

void linear(const coppice_weights* weights, const void* inputs, int64_t batch, int64_t first,
            int64_t end, void* y, void* scratch) {
  const float* x = static_cast<const float*>(inputs);
  auto* aligned = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(scratch) + 63) & ~63ULL);
  with_type(weights->dtype, [&]<typename E>(E) {
    if (as_they_come(*weights, batch)) {
      single_rows<E>(*weights, x, batch, first, end, y);
    } else {
      blocks<E>(*weights, x, batch, first, end, y, aligned);
    }
  });
}

}  // namespace coppice::COPPICE_ISA
