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
