// What the stand-ins of NVIDIA's libraries ask of the emulated driver, which they are linked to. They keep the
// record of calls and faults, the streams and the handles there: so EmulatedDriver sees them all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

using CUstream = struct CUstream_st*;

namespace coppice::standins {

#define COPPICE_SHARED __attribute__((visibility("default")))

// Held by every function of a stand-in.
COPPICE_SHARED std::recursive_mutex& lock();

// Records a call. Gives the code that a test wants as its answer, `failed` where the device is lost, or else 0.
COPPICE_SHARED int enter(const char* name, int failed);

// Gives the current context, or null.
COPPICE_SHARED const void* context();

// Says whether the range lies in one allocation of the current context's device.
COPPICE_SHARED bool on_device(const void* address, std::size_t bytes);

// Puts an operation into a stream of the current context; it gives 0 or the driver's error. Says whether there is
// such a stream.
COPPICE_SHARED bool enqueue(const char* name, CUstream stream, std::function<int()> operation);

// Gives how many operations of streams have run since the last reset.
COPPICE_SHARED std::uint64_t operations();

// Counts an object as alive until it is taken back.
COPPICE_SHARED void give_out(std::shared_ptr<void> object);
COPPICE_SHARED bool has(const void* object);
COPPICE_SHARED bool take_back(const void* object);

template <typename T, typename... Arguments>
T* make(Arguments&&... arguments) {
  auto made = std::make_shared<T>(std::forward<Arguments>(arguments)...);
  give_out(made);
  return made.get();
}

}  // namespace coppice::standins
