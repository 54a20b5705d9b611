// Adds up chunks of slices in the order of SPEC.md, "Reductions". Reads each element once; where
// the elements of a row lie apart, rows are added up side by side, so that memory is read in order.
//
// The square of an F32, F16 or BF16 is exact as F64: no contraction could change a bit.
#include <type_traits>

#include "doubles.h"
#include "kernels.h"
#include "keys.h"

namespace coppice::COPPICE_ISA {
namespace {

constexpr int64_t chunk_elements = 8192;
constexpr int64_t partials = 32;

constexpr int vectors = partials / width;  // that hold all partial sums

// Columns that are added up side by side: their partial sums stay in the first-level cache.
constexpr int strip_vectors = 64 / width;

template <int64_t dtype>
using ElementOf = std::conditional_t<dtype == COPPICE_F32, uint32_t, uint16_t>;

// Gives the bits of absolute values as F32.
template <int64_t dtype>
COPPICE_INLINE Words magnitudes(const char* from) {
  if constexpr (dtype == COPPICE_F32) {
    Words bits;
    std::memcpy(&bits, from, sizeof bits);
    return bits & 0x7FFFFFFFU;
  } else {
    Halves bits;
    std::memcpy(&bits, from, sizeof bits);
    const Words wide = widen(bits) & 0x7FFFU;
    if constexpr (dtype == COPPICE_BF16) {
      return wide << 16;
    } else {
      // The exponent's bias changes, twice for infinities and NaN; below it numbers are fractions.
      const Words number = (wide << 13) + (112U << 23);
      const Words infinite = number + (112U << 23);
      const Words denormal = (Words)((Floats)((wide << 13) + (113U << 23)) - 0x1p-14F);
      return wide >= 0x7C00U ? infinite : wide < 0x400U ? denormal : number;
    }
  }
}

// Gives what elements count.
template <int64_t dtype, bool squares>
COPPICE_INLINE Doubles terms(const char* from) {
  const Doubles values = widen((Floats)magnitudes<dtype>(from));
  return squares ? values * values : values;
}

// Folds the partial sums: partial j takes j + 16, then j + 8, ... j + 1.
COPPICE_INLINE double folded(Doubles* sums) {
#pragma GCC unroll 8
  for (int distance = vectors / 2; distance > 0; distance /= 2) {
#pragma GCC unroll 8
    for (int v = 0; v < distance; v++) {
      sums[v] += sums[v + distance];
    }
  }
  double lanes[width];
  std::memcpy(lanes, sums, sizeof lanes);
#pragma GCC unroll 8
  for (int distance = width / 2; distance > 0; distance /= 2) {
#pragma GCC unroll 8
    for (int lane = 0; lane < distance; lane++) {
      lanes[lane] += lanes[lane + distance];
    }
  }
  return lanes[0];
}

// Adds up at most a chunk of elements that lie side by side.
template <int64_t dtype, bool squares>
double add_up(const char* from, int64_t n) {
  constexpr int64_t size = sizeof(ElementOf<dtype>);
  Doubles sums[vectors] = {};
  int64_t i = 0;
  for (; i + partials <= n; i += partials) {
    __builtin_prefetch(from + i * size + 2048);
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++) {
      sums[v] += terms<dtype, squares>(from + (i + v * width) * size);
    }
  }
  if (i < n) {
    char rest[partials * size] = {};  // A zero adds nothing.
    std::memcpy(rest, from + i * size, static_cast<size_t>((n - i) * size));
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++) {
      sums[v] += terms<dtype, squares>(rest + v * width * size);
    }
  }
  return folded(sums);
}

// Rows as a row-major array [outer, rows, inner], of which each has elements [from, to).
struct Rows {
  const char* data;
  int64_t rows;
  int64_t inner;
  int64_t from;
  int64_t to;
  double* sums;

  int64_t chunks() const { return (to - from + chunk_elements - 1) / chunk_elements; }
};

// Adds up a chunk of a row whose elements lie apart: they are put side by side first.
template <int64_t dtype, bool squares>
double add_apart(const Rows& all, int64_t row, int64_t begin, int64_t end) {
  using Element = ElementOf<dtype>;
  Element near[chunk_elements];
  int64_t put = 0;
  int64_t skipped = begin % all.inner;
  for (int64_t o = begin / all.inner; put < end - begin; o++) {
    const int64_t left = end - begin - put;
    const int64_t n = all.inner - skipped < left ? all.inner - skipped : left;
    const char* run = all.data + ((o * all.rows + row) * all.inner + skipped) *
                                     static_cast<int64_t>(sizeof(Element));
    std::memcpy(near + put, run, static_cast<size_t>(n) * sizeof(Element));
    put += n;
    skipped = 0;
  }
  return add_up<dtype, squares>(reinterpret_cast<const char*>(near), put);
}

// Adds up a chunk of neighbouring columns, `count` vectors of them.
template <int64_t dtype, bool squares, int count>
void add_columns(const Rows& all, int64_t column, int64_t begin, int64_t end, double* sums,
                 int64_t step) {
  constexpr int64_t size = sizeof(ElementOf<dtype>);
  Doubles sides[partials][count] = {};
  const char* from = all.data + (begin * all.rows + column) * size;
  for (int64_t i = 0; i < end - begin; i++) {
    __builtin_prefetch(from + 16 * all.rows * size);
#pragma GCC unroll 32
    for (int v = 0; v < count; v++) {
      sides[i % partials][v] += terms<dtype, squares>(from + v * width * size);
    }
    from += all.rows * size;
  }
  for (int64_t distance = partials / 2; distance > 0; distance /= 2) {
    for (int64_t j = 0; j < distance; j++) {
      for (int v = 0; v < count; v++) {
        sides[j][v] += sides[j + distance][v];
      }
    }
  }
  for (int i = 0; i < count * width; i++) {
    sums[i * step] = sides[0][i / width][i % width];
  }
}

template <int64_t dtype, bool squares>
void columns(const Rows& all) {
  const int64_t step = all.chunks();
  double* sums = all.sums;
  for (int64_t begin = all.from; begin < all.to; begin += chunk_elements, sums++) {
    const int64_t end = begin + chunk_elements < all.to ? begin + chunk_elements : all.to;
    int64_t c = 0;
    for (constexpr int n = strip_vectors * width; c + n <= all.rows; c += n) {
      add_columns<dtype, squares, strip_vectors>(all, c, begin, end, sums + c * step, step);
    }
    for (; c + width <= all.rows; c += width) {
      add_columns<dtype, squares, 1>(all, c, begin, end, sums + c * step, step);
    }
    for (; c < all.rows; c++) {
      sums[c * step] = add_apart<dtype, squares>(all, c, begin, end);
    }
  }
}

template <int64_t dtype, bool squares>
void runs(const Rows& all) {
  constexpr int64_t size = sizeof(ElementOf<dtype>);
  double* sums = all.sums;
  for (int64_t row = 0; row < all.rows; row++) {
    for (int64_t begin = all.from; begin < all.to; begin += chunk_elements) {
      const int64_t end = begin + chunk_elements < all.to ? begin + chunk_elements : all.to;
      *sums++ = end <= all.inner
                    ? add_up<dtype, squares>(all.data + (row * all.inner + begin) * size, end - begin)
                    : add_apart<dtype, squares>(all, row, begin, end);
    }
  }
}

template <int64_t dtype>
void sum(const Rows& all, bool squares) {
  if (all.inner == 1 && all.to > 1) {
    squares ? columns<dtype, true>(all) : columns<dtype, false>(all);
  } else {
    squares ? runs<dtype, true>(all) : runs<dtype, false>(all);
  }
}

}  // namespace

void slice_sums(const void* data, const coppice_slice* slice, int32_t rows, int32_t inner,
                int32_t from, int32_t to, int32_t squares, double* sums) {
  const Rows all{static_cast<const char*>(data), rows, inner, from, to, sums};
  switch (slice->dtype) {
    case COPPICE_F32:
      sum<COPPICE_F32>(all, squares != 0);
      break;
    case COPPICE_F16:
      sum<COPPICE_F16>(all, squares != 0);
      break;
    default:
      sum<COPPICE_BF16>(all, squares != 0);
  }
}

}  // namespace coppice::COPPICE_ISA
