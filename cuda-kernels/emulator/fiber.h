// A fiber: a stack of its own, entered and left by switching.
#pragma once
#include <cstddef>

#if !defined(__x86_64__) || defined(COPPICE_UCONTEXT)
#define COPPICE_FIBER_UCONTEXT 1
#include <ucontext.h>
#endif

namespace coppice::emulator {

struct Fiber {
#ifdef COPPICE_FIBER_UCONTEXT
  ucontext_t context;
#else
  void* stack_pointer;
#endif
#ifdef __SANITIZE_ADDRESS__
  const void* stack;
  std::size_t bytes;
  void* fake_stack;
#endif
};

// Makes `fiber` begin at `entry` when it is switched to. `entry` calls arrive() first and never returns.
void prepare(Fiber& fiber, std::byte* stack, std::size_t bytes, void (*entry)());
void arrive();

// Makes `fiber` stand for the calling thread.
void adopt_thread(Fiber& fiber);

// Leaves `from`, to come back here, and goes on in `to`.
void switch_fiber(Fiber& from, Fiber& to);

}  // namespace coppice::emulator
