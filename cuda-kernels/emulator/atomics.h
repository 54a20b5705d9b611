// CUDA's atomics and fences: real ones, as blocks run on several threads at once.
#pragma once
#include <algorithm>
#include <atomic>
#include <type_traits>

namespace coppice::emulator {

// nvcc has atomics of these types alone; uint64_t is another type to it than unsigned long long.
template <typename T>
constexpr bool is_atomic = std::is_same_v<T, int> || std::is_same_v<T, unsigned> ||
                           std::is_same_v<T, unsigned long long>;

template <typename T, typename F>
T update(T* address, F change) {
  static_assert(is_atomic<T>);
  const std::atomic_ref<T> target(*address);
  T old = target.load();
  while (!target.compare_exchange_weak(old, change(old))) {
  }
  return old;
}

}  // namespace coppice::emulator

template <typename T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  static_assert(coppice::emulator::is_atomic<T> || std::is_floating_point_v<T>);
  return std::atomic_ref<T>(*address).fetch_add(value);
}
template <typename T>
T atomicSub(T* address, std::type_identity_t<T> value) {
  static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned>);
  return std::atomic_ref<T>(*address).fetch_sub(value);
}
template <typename T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return std::min(old, value); });
}
template <typename T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return std::max(old, value); });
}
template <typename T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return old & value; });
}
template <typename T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return old | value; });
}
template <typename T>
T atomicXor(T* address, std::type_identity_t<T> value) {
  return coppice::emulator::update(address, [=](T old) { return old ^ value; });
}
template <typename T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  static_assert(coppice::emulator::is_atomic<T> || std::is_same_v<T, float>);
  return std::atomic_ref<T>(*address).exchange(value);
}
template <typename T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  static_assert(coppice::emulator::is_atomic<T>);
  std::atomic_ref<T>(*address).compare_exchange_strong(expected, value);
  return expected;
}

inline void __threadfence() { std::atomic_thread_fence(std::memory_order_seq_cst); }
inline void __threadfence_block() { __threadfence(); }
inline void __threadfence_system() { __threadfence(); }
