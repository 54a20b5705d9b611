// What the compiler calls, under -fsanitize=thread, for each access of a kernel to memory. No sanitizer is
// linked in: here a thread may lose its turn between reading and writing, as it does on a device, so
// that an addition that should be an atomic loses what others added meanwhile.
#include <atomic>
#include <cstdint>

#include "block.h"
#include "environment.h"

namespace coppice::emulator {
namespace {

std::atomic<unsigned>& interval() {
  static std::atomic<unsigned> writes{
      static_cast<unsigned>(from_environment("COPPICE_EMULATOR_PREEMPTION", 64))};
  return writes;
}

// Never between an exchange and the reading of its words: those are only read.
void before_write(const void* address) {
  Block* const block = running_block();
  if (block == nullptr ||
      reinterpret_cast<std::uintptr_t>(address) / STACK_BYTES == own_stack() / STACK_BYTES) {
    return;
  }
  block->count_write(own_thread(), interval().load(std::memory_order_relaxed));
}

}  // namespace

void set_preemption(unsigned writes) { interval() = writes; }

}  // namespace coppice::emulator

// The compiler's own names; nothing else calls them.
#pragma GCC diagnostic ignored "-Wmissing-declarations"
extern "C" {

void __tsan_init() {}

#define COPPICE_ACCESS(bytes)                                      \
  void __tsan_read##bytes(void*) {}                                \
  void __tsan_unaligned_read##bytes(void*) {}                      \
  void __tsan_write##bytes(void* address) {                        \
    coppice::emulator::before_write(address);                      \
  }                                                                \
  void __tsan_unaligned_write##bytes(void* address) {              \
    coppice::emulator::before_write(address);                      \
  }
COPPICE_ACCESS(1)
COPPICE_ACCESS(2)
COPPICE_ACCESS(4)
COPPICE_ACCESS(8)
COPPICE_ACCESS(16)
void __tsan_read_range(void*, unsigned long) {}
void __tsan_write_range(void* address, unsigned long) { coppice::emulator::before_write(address); }

// Those of atomics.h.
#define COPPICE_UPDATE(bits, operation)                                                              \
  std::uint##bits##_t __tsan_atomic##bits##_##operation(std::uint##bits##_t* address,                \
                                                        std::uint##bits##_t value, int) {            \
    coppice::emulator::before_write(address);                                                        \
    return __atomic_##operation(address, value, __ATOMIC_SEQ_CST);                                   \
  }
#define COPPICE_EXCHANGE(bits, name, weak)                                                           \
  bool __tsan_atomic##bits##_compare_exchange_##name(std::uint##bits##_t* address,                   \
                                                     std::uint##bits##_t* expected,                  \
                                                     std::uint##bits##_t value, int, int) {          \
    coppice::emulator::before_write(address);                                                        \
    return __atomic_compare_exchange_n(address, expected, value, weak, __ATOMIC_SEQ_CST,             \
                                       __ATOMIC_SEQ_CST);                                            \
  }
#define COPPICE_ATOMICS(bits)                                                                        \
  COPPICE_UPDATE(bits, fetch_add)                                                                    \
  COPPICE_UPDATE(bits, fetch_sub)                                                                    \
  COPPICE_EXCHANGE(bits, strong, false)                                                              \
  COPPICE_EXCHANGE(bits, weak, true)                                                                 \
  std::uint##bits##_t __tsan_atomic##bits##_exchange(std::uint##bits##_t* address,                   \
                                                     std::uint##bits##_t value, int) {               \
    coppice::emulator::before_write(address);                                                        \
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);                                    \
  }                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_load(const std::uint##bits##_t* address, int) {          \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                                               \
  }
COPPICE_ATOMICS(32)
COPPICE_ATOMICS(64)
void __tsan_atomic_thread_fence(int) { std::atomic_thread_fence(std::memory_order_seq_cst); }
}
