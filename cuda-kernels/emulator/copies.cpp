// The driver functions that copy and fill memory.
#include <algorithm>
#include <cstring>
#include <optional>

#include "calls.h"
#include "host_memory.h"
#include "state.h"

namespace emulator = coppice::emulator;

// CUDA_MEMCPY2D.
struct Copy2D {
  struct Side {
    std::size_t x;  // bytes
    std::size_t y;
    int type;
    void* host;
    CUdeviceptr device;
    void* array;
    std::size_t pitch;
  };
  Side from;
  Side to;
  std::size_t width;  // bytes
  std::size_t height;
};

namespace {

enum : int { HOST = 1, DEVICE = 2, UNIFIED = 4 };

// One side of a copy of rows that lie `pitch` bytes apart.
struct Side {
  std::uintptr_t address;
  bool on_device;
  std::size_t pitch;
};

struct Copy {
  Side to;
  Side from;
  std::size_t width;
  std::size_t height;

  std::size_t span(const Side& side) const { return side.pitch * (height - 1) + width; }

  bool is_possible(const CUctx_st& context) const {
    return std::ranges::all_of(std::initializer_list<Side>{to, from}, [&](const Side& side) {
      return side.on_device ? context.memory.holds(side.address, span(side)) : side.address != 0;
    });
  }

  // Says whether it waits for its turn: pageable memory is staged, so that the call has to see to it.
  bool waits() const {
    return std::ranges::all_of(std::initializer_list<Side>{to, from}, [&](const Side& side) {
      return side.on_device || emulator::is_pinned(side.address, span(side));
    });
  }

  void run() const {
    for (std::size_t row = 0; row < height; row++) {
      std::memmove(reinterpret_cast<void*>(to.address + row * to.pitch),
                   reinterpret_cast<const void*>(from.address + row * from.pitch), width);
    }
  }
};

// Memory may have been freed by the time an operation comes to it.
template <typename Operation>
int run_late(const Operation& operation, const CUctx_st& context) {
  if (!operation.is_possible(context)) {
    return ILLEGAL_ADDRESS;
  }
  operation.run();
  return SUCCESS;
}

template <typename Operation>
int enqueue(const char* name, CUstream handle, const Operation& operation, bool waits) {
  CUctx_st* const context = emulator::current();
  CUstream_st* const stream = emulator::find_stream(handle);
  if (stream == nullptr) {
    return INVALID_HANDLE;
  }
  if (!operation.is_possible(*context)) {
    return INVALID_VALUE;
  }
  stream->add(name, [=] { return run_late(operation, *context); });
  return waits ? static_cast<int>(SUCCESS) : stream->finish();
}

int copy_rows(const char* name, const Copy& copy, CUstream stream, bool asynchronous) {
  return copy.width == 0 || copy.height == 0
             ? static_cast<int>(SUCCESS)
             : enqueue(name, stream, copy, asynchronous && copy.waits());
}

Side device(CUdeviceptr address) { return {address, true, 0}; }

Side host(const void* address) { return {reinterpret_cast<std::uintptr_t>(address), false, 0}; }

Side either(CUdeviceptr address) {
  return {address, emulator::owner(address, 1) != nullptr, 0};
}

std::optional<Side> side(const Copy2D::Side& given, std::size_t width) {
  if (given.type != HOST && given.type != DEVICE && given.type != UNIFIED) {
    return std::nullopt;
  }
  Side made = given.type == HOST      ? host(given.host)
              : given.type == DEVICE  ? device(given.device)
                                      : either(given.device);
  made.pitch = given.pitch == 0 ? width : given.pitch;
  made.address += given.y * made.pitch + given.x;
  return given.x + width <= made.pitch ? std::optional(made) : std::nullopt;
}

int copy_2d(const char* name, const Copy2D& given, CUstream stream, bool asynchronous) {
  const auto to = side(given.to, given.width);
  const auto from = side(given.from, given.width);
  return to && from
             ? copy_rows(name, {*to, *from, given.width, given.height}, stream, asynchronous)
             : static_cast<int>(INVALID_VALUE);
}

template <typename T>
struct Fill {
  CUdeviceptr address;
  T value;
  std::size_t count;

  bool is_possible(const CUctx_st& context) const {
    return address % sizeof(T) == 0 && count <= SIZE_MAX / sizeof(T) &&
           context.memory.holds(address, count * sizeof(T));
  }

  void run() const { std::fill_n(reinterpret_cast<T*>(address), count, value); }
};

}  // namespace

// The synchronous and the asynchronous copy of one row.
#define COPY(NAME, SYMBOL, TO, FROM, TO_SIDE, FROM_SIDE)                               \
  COPPICE_EXPORT CUresult SYMBOL##_v2(TO to, FROM from, std::size_t bytes) {           \
    ENTER_CONTEXT(NAME)                                                                \
    return copy_rows(NAME, {TO_SIDE(to), FROM_SIDE(from), bytes, 1}, nullptr, false);  \
  }                                                                                    \
  COPPICE_EXPORT CUresult SYMBOL##Async_v2(TO to, FROM from, std::size_t bytes,        \
                                           CUstream stream) {                          \
    ENTER_CONTEXT(NAME "Async")                                                        \
    return copy_rows(NAME "Async", {TO_SIDE(to), FROM_SIDE(from), bytes, 1}, stream, true); \
  }

COPY("cuMemcpyHtoD", cuMemcpyHtoD, CUdeviceptr, const void*, device, host)
COPY("cuMemcpyDtoH", cuMemcpyDtoH, void*, CUdeviceptr, host, device)
COPY("cuMemcpyDtoD", cuMemcpyDtoD, CUdeviceptr, CUdeviceptr, device, device)

COPPICE_EXPORT CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, std::size_t bytes) {
  ENTER_CONTEXT("cuMemcpy")
  return copy_rows("cuMemcpy", {either(to), either(from), bytes, 1}, nullptr, false);
}

COPPICE_EXPORT CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, std::size_t bytes,
                                      CUstream stream) {
  ENTER_CONTEXT("cuMemcpyAsync")
  return copy_rows("cuMemcpyAsync", {either(to), either(from), bytes, 1}, stream, true);
}

COPPICE_EXPORT CUresult cuMemcpy2D_v2(const Copy2D* copy) {
  ENTER_CONTEXT("cuMemcpy2D")
  return copy_2d("cuMemcpy2D", *copy, nullptr, false);
}

COPPICE_EXPORT CUresult cuMemcpy2DAsync_v2(const Copy2D* copy, CUstream stream) {
  ENTER_CONTEXT("cuMemcpy2DAsync")
  return copy_2d("cuMemcpy2DAsync", *copy, stream, true);
}

// A fill of device memory is asynchronous in either form.
#define FILL(NAME, SYMBOL, T, GIVEN)                                                          \
  COPPICE_EXPORT CUresult SYMBOL##_v2(CUdeviceptr address, GIVEN value, std::size_t count) {  \
    ENTER_CONTEXT(NAME)                                                                       \
    return enqueue(NAME, nullptr, Fill<T>{address, value, count}, true);                      \
  }                                                                                           \
  COPPICE_EXPORT CUresult SYMBOL##Async(CUdeviceptr address, GIVEN value, std::size_t count,  \
                                        CUstream stream) {                                    \
    ENTER_CONTEXT(NAME "Async")                                                               \
    return enqueue(NAME "Async", stream, Fill<T>{address, value, count}, true);               \
  }

FILL("cuMemsetD8", cuMemsetD8, std::uint8_t, unsigned char)
FILL("cuMemsetD16", cuMemsetD16, std::uint16_t, unsigned short)
FILL("cuMemsetD32", cuMemsetD32, std::uint32_t, unsigned)
