// What every function of a stand-in begins with.
#pragma once
#include "hooks.h"

#define COPPICE_EXPORT extern "C" __attribute__((visibility("default")))

// Begins a function: answers what enter() gives unless that is 0.
#define ENTER(name, failed)                                         \
  const std::scoped_lock standin_locked(coppice::standins::lock()); \
  if (const int code = coppice::standins::enter(name, failed); code) { \
    return code;                                                    \
  }
#define REQUIRE(condition, code) \
  if (!(condition)) {            \
    return code;                 \
  }

#define REQUIRE_HANDLE(handle) \
  REQUIRE(handle != nullptr && has(handle) && handle->device == context(), NOT_INITIALIZED)

// What the functions of a handle that knows its device and stream have in common. The libraries that have such
// handles give these two codes the same numbers.
namespace coppice::standins {

constexpr int OK = 0;
constexpr int NOT_INITIALIZED = 1;

template <typename Handle>
int create(const char* name, Handle** handle, int invalid) {
  ENTER(name, NOT_INITIALIZED)
  REQUIRE(handle != nullptr, invalid)
  REQUIRE(context() != nullptr, NOT_INITIALIZED)
  *handle = make<Handle>(Handle{context()});
  return OK;
}

template <typename Handle>
int destroy(const char* name, Handle* handle) {
  ENTER(name, NOT_INITIALIZED)
  return take_back(handle) ? OK : NOT_INITIALIZED;
}

template <typename Handle>
int set_stream(const char* name, Handle* handle, CUstream stream) {
  ENTER(name, NOT_INITIALIZED)
  REQUIRE_HANDLE(handle)
  handle->stream = stream;
  return OK;
}

inline int get_property(int major, int minor, int patch, int which, int* value, int invalid) {
  const int parts[] = {major, minor, patch};
  REQUIRE(which >= 0 && which <= 2 && value != nullptr, invalid)
  *value = parts[which];
  return OK;
}

}  // namespace coppice::standins
