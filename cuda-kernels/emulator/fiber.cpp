#include "fiber.h"

#ifdef __SANITIZE_ADDRESS__
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#ifndef COPPICE_FIBER_UCONTEXT
// Saves what a callee must keep, changes stacks, restores it. swapcontext does the same with two
// system calls for the signal mask: too slow for a thousand fibers a block.
asm(R"(
.text
.type coppice_switch_stacks, @function
coppice_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size coppice_switch_stacks, .-coppice_switch_stacks
)");
extern "C" __attribute__((visibility("hidden"))) void coppice_switch_stacks(void** save, void* load);
#endif

namespace coppice::emulator {
namespace {

#ifdef COPPICE_FIBER_UCONTEXT

void point(Fiber& fiber, std::byte* stack, std::size_t bytes, void (*entry)()) {
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = stack;
  fiber.context.uc_stack.ss_size = bytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
}

void change(Fiber& from, Fiber& to) { swapcontext(&from.context, &to.context); }

#else

void point(Fiber& fiber, std::byte* stack, std::size_t bytes, void (*entry)()) {
  // Six registers, the address to return to, and the 8 bytes off 16 that a function is entered with.
  auto** top = reinterpret_cast<void**>(stack + bytes);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; i++) {
    *--top = nullptr;
  }
  fiber.stack_pointer = top;
}

void change(Fiber& from, Fiber& to) { coppice_switch_stacks(&from.stack_pointer, to.stack_pointer); }

#endif

}  // namespace

#ifdef __SANITIZE_ADDRESS__

void prepare(Fiber& fiber, std::byte* stack, std::size_t bytes, void (*entry)()) {
  // What an abandoned fiber left poisoned.
  __asan_unpoison_memory_region(stack, bytes);
  fiber.stack = stack;
  fiber.bytes = bytes;
  fiber.fake_stack = nullptr;
  point(fiber, stack, bytes, entry);
}

void arrive() { __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr); }

void adopt_thread(Fiber& fiber) {
  pthread_attr_t attributes;
  void* stack = nullptr;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &stack, &fiber.bytes);
  pthread_attr_destroy(&attributes);
  fiber.stack = stack;
}

void switch_fiber(Fiber& from, Fiber& to) {
  __sanitizer_start_switch_fiber(&from.fake_stack, to.stack, to.bytes);
  change(from, to);
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
}

#else

void prepare(Fiber& fiber, std::byte* stack, std::size_t bytes, void (*entry)()) {
  point(fiber, stack, bytes, entry);
}

void arrive() {}

void adopt_thread(Fiber&) {}

void switch_fiber(Fiber& from, Fiber& to) { change(from, to); }

#endif

}  // namespace coppice::emulator
