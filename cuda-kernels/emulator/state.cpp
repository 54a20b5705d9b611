#include "state.h"

#include <algorithm>

#include "calls.h"
#include "environment.h"
#include "grid.h"
#include "host_memory.h"

namespace coppice::emulator {
namespace {

constexpr std::size_t DEVICE_BYTES = std::size_t{1} << 30;

void set_defaults(State& all) {
  all.devices = static_cast<int>(from_environment("COPPICE_EMULATOR_DEVICES", 1));
  all.shared_opt_in = from_environment("COPPICE_EMULATOR_SHARED", MOST_SHARED);
  all.driver_version = 13000;
  all.handles.clear();
  for (const auto& context : all.contexts) {
    context->retained = 0;
    context->null_stream.drop();
    context->streams.clear();
    context->memory.abandon();
    context->memory.set_total(from_environment("COPPICE_EMULATOR_MEMORY", DEVICE_BYTES));
  }
}

// Those that the caller destroyed go when they have run dry.
void forget_finished(CUctx_st& context) {
  std::erase_if(context.streams,
                [](const auto& stream) { return stream->destroyed && stream->idle(); });
}

void finish_blocking(CUctx_st& context) {
  for (const auto& stream : context.streams) {
    if (stream->is_blocking()) {
      stream->finish();
    }
  }
}

}  // namespace

std::size_t State::live_handles() const {
  std::size_t sum = handles.size();
  for (const auto& context : contexts) {
    sum += static_cast<std::size_t>(std::ranges::count_if(
        context->streams, [](const auto& stream) { return !stream->destroyed; }));
  }
  return sum;
}

std::recursive_mutex& driver_lock() {
  static auto* const mutex = new std::recursive_mutex;
  return *mutex;
}

// Never destroyed: the JVM may use the driver while the process ends.
State& state() {
  static auto* const it = [] {
    auto* made = new State;
    for (int i = 0; i < MOST_DEVICES; i++) {
      made->contexts.push_back(std::make_unique<CUctx_st>(i));
    }
    set_defaults(*made);
    return made;
  }();
  return *it;
}

void reset_state() {
  set_defaults(state());
  host_memory().abandon();
  registered().clear();
  set_stream_settings({});
}

CUcontext owner(std::uintptr_t address, std::size_t bytes) {
  for (const auto& context : state().contexts) {
    if (context->memory.holds(address, bytes)) {
      return context.get();
    }
  }
  return nullptr;
}

CUstream_st* find_stream(CUstream handle) {
  CUctx_st& context = *current();
  // CU_STREAM_LEGACY and CU_STREAM_PER_THREAD are 1 and 2; the latter is taken for the former.
  if (reinterpret_cast<std::uintptr_t>(handle) <= 2) {
    finish_blocking(context);
    return &context.null_stream;
  }
  const auto found = std::find_if(context.streams.begin(), context.streams.end(), [=](const auto& s) {
    return s.get() == handle && !s->destroyed;
  });
  if (found == context.streams.end()) {
    return nullptr;
  }
  if (handle->is_blocking()) {
    context.null_stream.finish();
  }
  return handle;
}

int finish(CUctx_st& context) {
  for (const auto& stream : context.streams) {
    stream->finish();
  }
  context.null_stream.finish();
  forget_finished(context);
  return poisoned();
}

}  // namespace coppice::emulator
