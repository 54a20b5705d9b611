// The driver functions of streams and events.
#include <algorithm>

#include "calls.h"
#include "state.h"

namespace emulator = coppice::emulator;

struct CUevent_st {
  bool timed;
  std::shared_ptr<emulator::Mark> mark;  // null before it was recorded
};

namespace {

constexpr unsigned NON_BLOCKING = 1;
constexpr unsigned WITHOUT_TIMES = 2;

#define FIND_STREAM(stream, handle)                                  \
  CUstream_st* const stream = emulator::find_stream(handle);         \
  if (stream == nullptr) {                                           \
    return INVALID_HANDLE;                                           \
  }

#define REQUIRE_EVENT(event)                 \
  if (!emulator::state().has(event)) {       \
    return INVALID_HANDLE;                   \
  }

int make_stream(CUstream* stream, unsigned flags) {
  CUctx_st& context = *emulator::current();
  context.streams.push_back(std::make_unique<CUstream_st>(flags != NON_BLOCKING));
  *stream = context.streams.back().get();
  return SUCCESS;
}

}  // namespace

COPPICE_EXPORT CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
  ENTER_CONTEXT("cuStreamCreate")
  return make_stream(stream, flags);
}

COPPICE_EXPORT CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int) {
  ENTER_CONTEXT("cuStreamCreateWithPriority")
  return make_stream(stream, flags);
}

// What is still queued runs later all the same.
COPPICE_EXPORT CUresult cuStreamDestroy_v2(CUstream handle) {
  ENTER_CONTEXT("cuStreamDestroy")
  FIND_STREAM(stream, handle)
  if (stream == &emulator::current()->null_stream) {
    return INVALID_HANDLE;
  }
  stream->destroyed = true;
  if (stream->idle()) {
    std::erase_if(emulator::current()->streams, [=](const auto& s) { return s.get() == stream; });
  }
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuStreamGetCtx(CUstream handle, CUcontext* context) {
  ENTER_CONTEXT("cuStreamGetCtx")
  for (const auto& each : emulator::state().contexts) {
    if (std::ranges::any_of(each->streams, [=](const auto& s) { return s.get() == handle; })) {
      *context = each.get();
      return SUCCESS;
    }
  }
  *context = emulator::current();
  return reinterpret_cast<std::uintptr_t>(handle) <= 2 ? SUCCESS : INVALID_HANDLE;
}

COPPICE_EXPORT CUresult cuStreamSynchronize(CUstream handle) {
  ENTER_CONTEXT("cuStreamSynchronize")
  FIND_STREAM(stream, handle)
  return stream->finish();
}

COPPICE_EXPORT CUresult cuStreamQuery(CUstream handle) {
  ENTER_CONTEXT("cuStreamQuery")
  FIND_STREAM(stream, handle)
  return stream->query();
}

COPPICE_EXPORT CUresult cuStreamWaitEvent(CUstream handle, CUevent event, unsigned) {
  ENTER_CONTEXT("cuStreamWaitEvent")
  FIND_STREAM(stream, handle)
  REQUIRE_EVENT(event)
  if (event->mark != nullptr) {
    stream->wait(event->mark);
  }
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuEventCreate(CUevent* event, unsigned flags) {
  ENTER_CONTEXT("cuEventCreate")
  *event = emulator::state().give_out(CUevent_st{(flags & WITHOUT_TIMES) == 0, nullptr});
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuEventDestroy_v2(CUevent event) {
  ENTER_CONTEXT("cuEventDestroy")
  return emulator::state().take_back(event);
}

COPPICE_EXPORT CUresult cuEventRecord(CUevent event, CUstream handle) {
  ENTER_CONTEXT("cuEventRecord")
  FIND_STREAM(stream, handle)
  REQUIRE_EVENT(event)
  event->mark = stream->mark();
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuEventSynchronize(CUevent event) {
  ENTER_CONTEXT("cuEventSynchronize")
  REQUIRE_EVENT(event)
  return event->mark == nullptr ? static_cast<int>(SUCCESS) : emulator::Stream::finish(*event->mark);
}

COPPICE_EXPORT CUresult cuEventQuery(CUevent event) {
  ENTER_CONTEXT("cuEventQuery")
  REQUIRE_EVENT(event)
  return event->mark == nullptr ? static_cast<int>(SUCCESS) : emulator::Stream::query(*event->mark);
}

COPPICE_EXPORT CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
  ENTER_CONTEXT("cuEventElapsedTime")
  REQUIRE_EVENT(start)
  REQUIRE_EVENT(end)
  if (!start->timed || !end->timed || start->mark == nullptr || end->mark == nullptr) {
    return INVALID_HANDLE;
  }
  if (!start->mark->done || !end->mark->done) {
    return NOT_READY;
  }
  *milliseconds =
      std::chrono::duration<float, std::milli>(end->mark->at - start->mark->at).count();
  return SUCCESS;
}
