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
};

// Makes `fiber` begin at `entry`, which never returns, when it is switched to.
void prepare(Fiber& fiber, std::byte* stack, std::size_t bytes, void (*entry)());

// Leaves `from`, to come back here, and goes on in `to`.
void switch_fiber(Fiber& from, Fiber& to);

}  // namespace coppice::emulator
