// What is left of a call that teeth.sh takes out: of a barrier nothing, of a shuffle the caller's own value, of
// a vote the caller's own, of an atomic what it would have answered, with nothing written.
#pragma once
#include <cstdlib>

namespace coppice::teeth {

// The mutant that is switched on; 0: none.
inline const long mutant = [] {
  const char* number = std::getenv("COPPICE_MUTANT");
  return number == nullptr ? 0 : std::atol(number);
}();

inline void without___syncthreads() {}
inline int without___syncthreads_or(int own) { return own; }
inline int without___syncthreads_and(int own) { return own; }
inline int without___syncthreads_count(int own) { return own; }
inline void without___syncwarp(unsigned = 0) {}

template <typename T, typename... Where>
T without___shfl_sync(unsigned, T own, Where...) {
  return own;
}
template <typename T, typename... Where>
T without___shfl_up_sync(unsigned, T own, Where...) {
  return own;
}
template <typename T, typename... Where>
T without___shfl_down_sync(unsigned, T own, Where...) {
  return own;
}
template <typename T, typename... Where>
T without___shfl_xor_sync(unsigned, T own, Where...) {
  return own;
}

inline int without___any_sync(unsigned, int own) { return own; }
inline int without___all_sync(unsigned, int own) { return own; }
template <typename Lane>
unsigned own_bit(Lane lane, bool set) {
  return set ? 1U << lane % 32 : 0;
}
#define without___ballot_sync(mask, own) own_bit(threadIdx.x, (own))
#define without___match_any_sync(mask, value) own_bit(threadIdx.x, true)
template <typename T>
T without___reduce_add_sync(unsigned, T own) {
  return own;
}
template <typename T>
T without___reduce_min_sync(unsigned, T own) {
  return own;
}
template <typename T>
T without___reduce_max_sync(unsigned, T own) {
  return own;
}
template <typename T>
T without___reduce_or_sync(unsigned, T own) {
  return own;
}

template <typename T, typename... Operands>
T without_atomic(T* address, Operands...) {
  return *address;
}
#define without_atomicAdd without_atomic
#define without_atomicSub without_atomic
#define without_atomicMin without_atomic
#define without_atomicMax without_atomic
#define without_atomicAnd without_atomic
#define without_atomicOr without_atomic
#define without_atomicXor without_atomic
#define without_atomicExch without_atomic
#define without_atomicCAS without_atomic

// Barriers that kernels call by a name of their own.
inline void without_ours() {}
inline bool without_ours(bool own) { return own; }

}  // namespace coppice::teeth

#define COPPICE_MUTANT(number, call, ...) \
  (coppice::teeth::mutant == (number) ? COPPICE_WITHOUT(call, __VA_ARGS__) : call(__VA_ARGS__))
#define COPPICE_WITHOUT(call, ...) coppice::teeth::without_##call(__VA_ARGS__)
#define COPPICE_MUTANT_OF_OURS(number, call, ...) \
  (coppice::teeth::mutant == (number) ? coppice::teeth::without_ours(__VA_ARGS__) : call(__VA_ARGS__))
