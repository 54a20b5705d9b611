// Matrices in the emulated device's memory, as NVIDIA's libraries describe them.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace coppice::standins {

enum DataType : int { R_32F = 0, R_64F = 1, R_16F = 2, R_16BF = 14 };

inline bool is_known(int type) { return type == R_32F || type == R_16F || type == R_16BF; }

inline std::size_t bytes_of(int type) { return type == R_64F ? 8 : type == R_32F ? 4 : 2; }

inline float from_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (value != value) {
    return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  }
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// Rounds to the 10 bits that TF32 keeps.
inline float to_tf32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return value != value ? value : std::bit_cast<float>((bits + 0xFFF + (bits >> 13 & 1)) & ~0x1FFFU);
}

inline float read(const void* base, std::size_t i, int type) {
  switch (type) {
    case R_16F:
      return static_cast<float>(static_cast<const _Float16*>(base)[i]);
    case R_16BF:
      return from_bf16(static_cast<const std::uint16_t*>(base)[i]);
    default:
      return static_cast<const float*>(base)[i];
  }
}

inline void write(void* base, std::size_t i, int type, float value) {
  switch (type) {
    case R_16F:
      static_cast<_Float16*>(base)[i] = static_cast<_Float16>(value);
      break;
    case R_16BF:
      static_cast<std::uint16_t*>(base)[i] = to_bf16(value);
      break;
    default:
      static_cast<float*>(base)[i] = value;
  }
}

inline float rounded(float value, int type) {
  std::uint32_t place;
  write(&place, 0, type, value);
  return read(&place, 0, type);
}

struct Matrix {
  void* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t ld;
  int type;
  bool by_columns;  // column-major

  bool has_valid_ld() const { return ld >= (by_columns ? rows : columns); }

  std::size_t bytes() const {
    const std::int64_t lines = by_columns ? columns : rows;
    const std::int64_t length = by_columns ? rows : columns;
    return lines == 0 || length == 0
               ? 0
               : static_cast<std::size_t>((lines - 1) * ld + length) * bytes_of(type);
  }

  std::size_t index(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(by_columns ? column * ld + row : row * ld + column);
  }

  float at(std::int64_t row, std::int64_t column) const { return read(data, index(row, column), type); }

  void set(std::int64_t row, std::int64_t column, float value) const {
    write(data, index(row, column), type, value);
  }

  // An element of any type, F64 among them.
  double value(std::int64_t row, std::int64_t column) const {
    return type == R_64F ? static_cast<const double*>(data)[index(row, column)] : at(row, column);
  }

  void set_value(std::int64_t row, std::int64_t column, double value) const {
    if (type == R_64F) {
      static_cast<double*>(data)[index(row, column)] = value;
    } else {
      set(row, column, static_cast<float>(value));
    }
  }

  // The same memory, seen as the transpose.
  Matrix transposed() const { return {data, columns, rows, ld, type, !by_columns}; }
};

}  // namespace coppice::standins
