// The emulated driver's side of hooks.h; part of libcuda.so.1.
#include "standins/hooks.h"

#include <utility>

#include "calls.h"
#include "state.h"

namespace coppice::standins {

std::recursive_mutex& lock() { return emulator::driver_lock(); }

int enter(const char* name, int failed) {
  const int code = emulator::enter(name);
  return emulator::poisoned() != 0 ? failed : code;
}

const void* context() { return emulator::current(); }

bool on_device(const void* address, std::size_t bytes) {
  const auto* const there = emulator::current();
  return there != nullptr && there->memory.holds(reinterpret_cast<std::uintptr_t>(address), bytes);
}

bool enqueue(const char* name, CUstream handle, std::function<int()> operation) {
  auto* const stream = emulator::current() == nullptr ? nullptr : emulator::find_stream(handle);
  if (stream == nullptr) {
    return false;
  }
  stream->add(name, std::move(operation));
  return true;
}

std::uint64_t operations() { return emulator::calls("*@run"); }

void give_out(std::shared_ptr<void> object) {
  const void* const address = object.get();
  emulator::state().handles.emplace(address, std::move(object));
}

bool has(const void* object) { return emulator::state().has(object); }

bool take_back(const void* object) { return emulator::state().take_back(object) == SUCCESS; }

}  // namespace coppice::standins
