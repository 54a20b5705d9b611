// What src/main/cuda/ptx/ptx.cuh has, for g++.
#pragma once
#include <bit>
#include <cstdint>

#include "device.h"

namespace coppice::emulator {

void multiply_sparse(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4], unsigned positions,
                     unsigned selector, float (*number)(std::uint16_t));
void load_matrices(unsigned (&out)[4], const void* row);
void begin_copy(void* shared, const void* global, unsigned bytes);
void end_copies();
void wait_for_copies(unsigned pending);

inline float of_f16(std::uint16_t bits) { return static_cast<float>(std::bit_cast<_Float16>(bits)); }
inline float of_bf16(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

}  // namespace coppice::emulator

template <unsigned SELECTOR>
void multiply_sparse_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4], unsigned positions) {
  coppice::emulator::multiply_sparse(d, a, b, positions, SELECTOR, coppice::emulator::of_bf16);
}
template <unsigned SELECTOR>
void multiply_sparse_f16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4], unsigned positions) {
  coppice::emulator::multiply_sparse(d, a, b, positions, SELECTOR, coppice::emulator::of_f16);
}

inline void load_matrices(unsigned (&out)[4], const void* row) { coppice::emulator::load_matrices(out, row); }

inline uint4 load_once(const uint4* from) { return *from; }

namespace copies {

inline void begin(void* shared, const void* global, unsigned bytes) {
  coppice::emulator::begin_copy(shared, global, bytes);
}
inline void end_group() { coppice::emulator::end_copies(); }
template <unsigned PENDING>
void wait() {
  coppice::emulator::wait_for_copies(PENDING);
}

}  // namespace copies

inline float float_of_f16(std::uint16_t bits) { return coppice::emulator::of_f16(bits); }
inline std::uint16_t f16_of_float(float value) {
  return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
}

template <typename T>
class Cursor {
 public:
  explicit Cursor(const T* first) : next_(first) {}
  T get() const { return *next_; }
  void step_if(unsigned condition) { next_ += condition != 0 ? 1 : 0; }

 private:
  const T* next_;
};

inline void add_product_if(unsigned condition, float& sum, float a, float b) {
  if (condition != 0) {
    sum = std::fma(a, b, sum);
  }
}
