// What the kernels of linear layers are told, y = x W^T + b. Java writes these structs field by field.
#pragma once

constexpr unsigned LINEAR_THREADS = 256;  // of two_four_linear and bitmap_linear
constexpr unsigned LINEAR_UNIT = 256;     // columns that a warp of these takes at a time
constexpr unsigned TWO_FOUR_ROWS = 16;    // of W, a block
constexpr unsigned TWO_FOUR_SHARED = 4096;  // for each 8 rows of x
constexpr unsigned BITMAP_ROWS = 8;
constexpr unsigned BITMAP_SHARED = 33792;  // of 16-bit types
constexpr unsigned BITMAP_LONG_SHARED = 66560;
constexpr unsigned MATMUL_THREADS = 128;
constexpr unsigned MATMUL_ROWS = 128;
constexpr unsigned MATMUL_WIDE = 128;  // rows of x a block
constexpr unsigned MATMUL_NARROW = 32;
constexpr unsigned MATMUL_WIDE_SHARED = 102400;
constexpr unsigned MATMUL_NARROW_SHARED = 53248;
// coppice_two_four_linear_..., coppice_two_four_matmul_..., coppice_bitmap_linear_...
struct LinearParameters {
  const void* values;      // of dev.coppice.sparse.TwoFour or Bitmap; from a multiple of 16 bytes on, as all arrays
  const unsigned* index;   // positions (two_four_linear: in its order), or bits
  const unsigned* starts;  // bitmap_linear: where the values of each row and unit begin
  const void* x;           // [batch, x_stride]: zeros beyond the layer's inputs
  const void* bias;        // [out], or null
  void* y;                 // [batch, out]
  unsigned long long out;
  unsigned long long batch;
  unsigned stored;    // 2:4: values a row, a multiple of 16; bitmap: words of bits a row, a multiple of 4
  unsigned x_stride;  // a multiple of 8
};
static_assert(sizeof(LinearParameters) == 72);

// coppice_linear_inputs_...
struct InputsParameters {
  const void* x;  // [batch, in]
  void* copy;     // [batch, stride]: zeros beyond in
  unsigned long long batch;
  unsigned in;
  unsigned stride;
};
static_assert(sizeof(InputsParameters) == 32);
