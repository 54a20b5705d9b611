// What the emulated driver knows of its devices. All of it is used with driver_lock() held.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "driver.h"
#include "memory.h"
#include "streams.h"

struct CUstream_st : coppice::emulator::Stream {
  using Stream::Stream;

  bool destroyed = false;  // and kept until its last operation has run
};

// A device with its primary context.
struct CUctx_st {
  explicit CUctx_st(int ordinal) : ordinal(ordinal) {}

  int ordinal;
  long retained = 0;
  coppice::emulator::Memory memory;
  CUstream_st null_stream{true};
  std::vector<std::unique_ptr<CUstream_st>> streams;
};

namespace coppice::emulator {

constexpr int MOST_DEVICES = 8;

struct State {
  std::vector<std::unique_ptr<CUctx_st>> contexts;  // of MOST_DEVICES devices
  int devices;                                      // that are seen
  std::size_t shared_opt_in;                        // the most shared memory a block can opt in to
  int driver_version = 13000;
  std::map<const void*, std::shared_ptr<void>> handles;  // modules, events and pools that are alive

  template <typename T>
  T* give_out(T object) {
    auto made = std::make_shared<T>(std::move(object));
    handles.emplace(made.get(), made);
    return made.get();
  }

  bool has(const void* handle) const { return handles.contains(handle); }

  // Gives the code to answer: a handle is given back once.
  int take_back(const void* handle) { return handles.erase(handle) == 1 ? SUCCESS : INVALID_HANDLE; }

  // Counts modules, events, pools and streams.
  std::size_t live_handles() const;
};

std::recursive_mutex& driver_lock();

State& state();

// Forgets all memory, streams, retained contexts and settings, and runs nothing.
void reset_state();

// The calling thread's context, or null.
CUcontext& current();

// Gives the context in whose memory the range lies, or null.
CUcontext owner(std::uintptr_t address, std::size_t bytes);

// Gives the current context's stream of that handle, or null. What the null stream and the blocking
// ones must wait for on each other's behalf has run then.
CUstream_st* find_stream(CUstream handle);

// Runs all that waits in the context's streams; gives the error that poisons it, or 0.
int finish(CUctx_st& context);

}  // namespace coppice::emulator

#define ENTER(name)                                                     \
  const std::scoped_lock driver_locked(coppice::emulator::driver_lock()); \
  if (const int code = coppice::emulator::enter(name); code) {          \
    return code;                                                        \
  }
#define ENTER_CONTEXT(name)                        \
  ENTER(name)                                      \
  if (coppice::emulator::current() == nullptr) {   \
    return INVALID_CONTEXT;                        \
  }
