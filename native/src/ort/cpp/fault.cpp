// The same rules as LinearWeights.of has in Java.
#include "fault.h"

#include <bit>
#include <cstring>
#include <limits>
#include <vector>

namespace coppice::ort {
namespace {

constexpr std::int64_t row_bytes = 16;
constexpr std::int64_t values_unit = 4;  // 16 bytes
constexpr std::int64_t tile_rows = 16;
constexpr std::int64_t tile_columns = 32;
constexpr std::int64_t tile_words = 16;

std::string text(std::int64_t number) { return std::to_string(number); }

std::int64_t rounded(std::int64_t count, std::int64_t unit) { return (count + unit - 1) / unit * unit; }

// out and in fit into 31 bits: no product of two numbers of their size overflows.
std::string wrong_size(const char* name, std::int64_t found, std::int64_t elements) {
  if (found == elements) {
    return {};
  }
  return std::string("the ") + name + " must be " + text(elements) + " elements, not " + text(found);
}

// Reads an element of an array that may begin anywhere.
template <class T>
T at(const void* array, std::int64_t index) {
  T element;
  std::memcpy(&element, static_cast<const char*>(array) + index * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return element;
}

std::string bitmap_fault(const Stored& stored) {
  const coppice_weights& layer = stored.weights;
  const std::int64_t stride = rounded((layer.in + 7) / 8, row_bytes);
  if (auto wrong = wrong_size("bits", stored.index, layer.out * stride); !wrong.empty()) {
    return wrong;
  }
  if (auto wrong = wrong_size("offsets", stored.offsets, layer.out + 1); !wrong.empty()) {
    return wrong;
  }
  std::vector<std::int64_t> ends;  // of the values, before what fills them up
  std::int64_t expected = 0;
  for (std::int64_t row = 0; row <= layer.out; row++) {
    const auto begin = at<std::int64_t>(layer.offsets, row);
    if (begin != expected) {
      return "the values of row " + text(row) + " must begin at element " + text(expected) + ", not " + text(begin);
    }
    if (row == layer.out) {
      break;
    }
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < stride; i++) {
      const unsigned octet = at<unsigned char>(layer.index, row * stride + i);
      const std::int64_t columns = layer.in - 8 * i;
      if (columns < 8 && octet >> (columns < 0 ? 0 : columns) != 0) {
        return "row " + text(row) + " has bits beyond its " + text(layer.in) + " columns";
      }
      count += std::popcount(octet);
    }
    ends.push_back(expected + count);
    expected += rounded(count, values_unit);
  }
  if (auto wrong = wrong_size("values", stored.values, expected); !wrong.empty()) {
    return wrong;
  }
  for (std::int64_t row = 0; row < layer.out; row++) {
    for (std::int64_t i = ends[row]; i < at<std::int64_t>(layer.offsets, row + 1); i++) {
      if (at<std::uint32_t>(layer.values, i) != 0) {
        return "row " + text(row) + " has a value other than zero at element " + text(i) + ", after its last";
      }
    }
  }
  return {};
}

std::string two_four_fault(const Stored& stored) {
  const coppice_weights& layer = stored.weights;
  if (layer.in % 4 != 0) {
    return "2:4 needs a number of inputs that is a multiple of 4, not " + text(layer.in);
  }
  const std::int64_t rows = rounded(layer.out, tile_rows);
  const std::int64_t columns = rounded(layer.in, tile_columns);
  if (auto wrong = wrong_size("values", stored.values, rows * (columns / 2)); !wrong.empty()) {
    return wrong;
  }
  const std::int64_t words = rows / tile_rows * (columns / tile_columns) * tile_words;
  if (auto wrong = wrong_size("positions", stored.index, words); !wrong.empty()) {
    return wrong;
  }
  for (std::int64_t row = 0; row < rows; row++) {
    const std::int64_t tiles = row / tile_rows * (columns / tile_columns);
    for (std::int64_t column = 0; column < columns; column += 4) {
      const std::int64_t half = (tiles + column / tile_columns) * 2 * tile_words +
                                (row % 8 * 2 + column % tile_columns / 16) * 2 + row % tile_rows / 8;
      const unsigned code = at<std::uint16_t>(layer.index, half) >> (column % 16) & 15;
      if ((code & 3) >= code >> 2) {
        return "row " + text(row) + " has positions " + text(code & 3) + " and " + text(code >> 2) + " for columns " +
               text(column) + " to " + text(column + 3) + ": the second must be further on";
      }
      if (row >= layer.out || column >= layer.in) {
        if (at<std::uint64_t>(layer.values, (row * (columns / 2) + column / 2) / 2) != 0) {
          return "row " + text(row) + " has a weight other than zero in column " + text(column) + ", beyond [" +
                 text(layer.out) + ", " + text(layer.in) + "]";
        }
      }
    }
  }
  return {};
}

std::string csr_fault(const Stored& stored) {
  const coppice_weights& layer = stored.weights;
  if (auto wrong = wrong_size("offsets", stored.offsets, layer.out + 1); !wrong.empty()) {
    return wrong;
  }
  if (auto wrong = wrong_size("values", stored.values, stored.index); !wrong.empty()) {
    return wrong;
  }
  std::int64_t begin = at<std::int32_t>(layer.offsets, 0);
  if (begin != 0) {
    return "the first row must begin at element 0, not " + text(begin);
  }
  for (std::int64_t row = 0; row < layer.out; row++) {
    const std::int64_t end = at<std::int32_t>(layer.offsets, row + 1);
    if (end < begin || end > stored.index) {
      return "row " + text(row) + " must end between elements " + text(begin) + " and " + text(stored.index) +
             ", not at " + text(end);
    }
    std::int64_t before = -1;
    for (; begin < end; begin++) {
      const std::int64_t column = at<std::int32_t>(layer.index, begin);
      if (column <= before || column >= layer.in) {
        return "row " + text(row) + " has column " + text(column) + " after column " + text(before) + " of " +
               text(layer.in);
      }
      before = column;
    }
  }
  if (begin != stored.index) {
    return "the last row must end at element " + text(stored.index) + ", not " + text(begin);
  }
  return {};
}

}  // namespace

std::string fault(const Stored& stored) {
  const coppice_weights& layer = stored.weights;
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max() / sizeof(float);
  if (layer.out < 1 || layer.in < 1 || layer.out > most || layer.in > most) {
    return "a layer has from 1 to " + text(most) + " outputs and inputs, not " + text(layer.out) + " and " +
           text(layer.in);
  }
  switch (layer.format) {
    case COPPICE_BITMAP:
      return bitmap_fault(stored);
    case COPPICE_TWO_FOUR:
      return two_four_fault(stored);
    default:
      return csr_fault(stored);
  }
}

}  // namespace coppice::ort
