// The driver functions that give out memory, of the device and of the host, and take it back.
#include "calls.h"
#include "host_memory.h"
#include "state.h"

namespace emulator = coppice::emulator;

struct CUmemPoolHandle_st {
  CUctx_st* context;
};

namespace {

// As much of CUmemPoolProps as is read.
struct PoolProperties {
  int allocation;
  int handles;
  int location;
  int ordinal;
};

enum : int { CONTEXT = 1, MEMORY_TYPE = 2, DEVICE_POINTER = 3, HOST_POINTER = 4, IS_MANAGED = 8,
             DEVICE_ORDINAL = 9, RANGE_START = 11, RANGE_SIZE = 12, MAPPED = 13 };
enum : unsigned { HOST = 1, DEVICE = 2 };

int allocate(CUdeviceptr* address, std::size_t bytes, CUctx_st& context) {
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  const CUdeviceptr found = context.memory.allocate(bytes);
  if (found == 0) {
    return OUT_OF_MEMORY;
  }
  *address = found;
  return SUCCESS;
}

// What was freed in the stream before is had again, as a pool does.
int allocate_in(CUstream handle, CUdeviceptr* address, std::size_t bytes, CUctx_st& context) {
  CUstream_st* const stream = emulator::find_stream(handle);
  if (stream == nullptr) {
    return INVALID_HANDLE;
  }
  const int code = allocate(address, bytes, context);
  if (code != OUT_OF_MEMORY) {
    return code;
  }
  const int failed = stream->finish();
  return failed != 0 ? failed : allocate(address, bytes, context);
}

int allocate_host(void** address, std::size_t bytes) {
  const std::uintptr_t found = bytes == 0 ? 0 : emulator::host_memory().allocate(bytes);
  if (found == 0) {
    return bytes == 0 ? INVALID_VALUE : OUT_OF_MEMORY;
  }
  *address = reinterpret_cast<void*>(found);
  return SUCCESS;
}

// Everything that may still use the memory runs first, on every device.
int finish_all() {
  int code = 0;
  for (const auto& context : emulator::state().contexts) {
    code = emulator::finish(*context);
  }
  return code;
}

template <typename T>
int give(void* to, T value) {
  *static_cast<T*>(to) = value;
  return SUCCESS;
}

int host_attribute(void* value, int which, CUdeviceptr address) {
  const auto region = emulator::host_memory().find(address, 1);
  switch (which) {
    case MEMORY_TYPE:
      return give(value, HOST);
    case DEVICE_POINTER:
    case HOST_POINTER:
      return give(value, address);
    case IS_MANAGED:
      return give(value, 0U);
    case MAPPED:
      return give(value, 1);
    case RANGE_START:
      return region ? give(value, region->data()) : static_cast<int>(INVALID_VALUE);
    case RANGE_SIZE:
      return region ? give(value, region->bytes) : static_cast<int>(INVALID_VALUE);
    default:
      return INVALID_VALUE;
  }
}

int device_attribute(void* value, int which, CUdeviceptr address, CUctx_st& context) {
  const auto region = context.memory.find(address, 1);
  switch (which) {
    case CONTEXT:
      return give(value, &context);
    case MEMORY_TYPE:
      return give(value, DEVICE);
    case DEVICE_POINTER:
      return give(value, address);
    case IS_MANAGED:
      return give(value, 0U);
    case DEVICE_ORDINAL:
      return give(value, context.ordinal);
    case RANGE_START:
      return give(value, region->data());
    case RANGE_SIZE:
      return give(value, region->bytes);
    case MAPPED:
      return give(value, 1);
    default:
      return INVALID_VALUE;
  }
}

}  // namespace

COPPICE_EXPORT CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  ENTER_CONTEXT("cuMemGetInfo")
  const emulator::Usage usage = emulator::current()->memory.usage();
  *free = usage.total - usage.bytes;
  *total = usage.total;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr* address, std::size_t bytes) {
  ENTER_CONTEXT("cuMemAlloc")
  return allocate(address, bytes, *emulator::current());
}

COPPICE_EXPORT CUresult cuMemFree_v2(CUdeviceptr address) {
  ENTER_CONTEXT("cuMemFree")
  if (address == 0) {
    return SUCCESS;
  }
  CUctx_st* const context = emulator::owner(address, 0);
  if (context == nullptr) {
    return INVALID_VALUE;
  }
  if (const int code = emulator::finish(*context); code) {
    return code;
  }
  return context->memory.release(address) ? SUCCESS : INVALID_VALUE;
}

COPPICE_EXPORT CUresult cuMemAllocAsync(CUdeviceptr* address, std::size_t bytes, CUstream stream) {
  ENTER_CONTEXT("cuMemAllocAsync")
  return allocate_in(stream, address, bytes, *emulator::current());
}

COPPICE_EXPORT CUresult cuMemAllocFromPoolAsync(CUdeviceptr* address, std::size_t bytes,
                                                CUmemoryPool pool, CUstream stream) {
  ENTER_CONTEXT("cuMemAllocFromPoolAsync")
  return emulator::state().has(pool) ? allocate_in(stream, address, bytes, *pool->context)
                                     : static_cast<int>(INVALID_HANDLE);
}

COPPICE_EXPORT CUresult cuMemFreeAsync(CUdeviceptr address, CUstream handle) {
  ENTER_CONTEXT("cuMemFreeAsync")
  CUstream_st* const stream = emulator::find_stream(handle);
  CUctx_st* const context = emulator::owner(address, 0);
  if (stream == nullptr || context == nullptr) {
    return stream == nullptr ? INVALID_HANDLE : INVALID_VALUE;
  }
  stream->add("cuMemFreeAsync",
              [=] { return context->memory.release(address) ? SUCCESS : ILLEGAL_ADDRESS; });
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuMemPoolCreate(CUmemoryPool* pool, const PoolProperties* properties) {
  ENTER("cuMemPoolCreate")
  emulator::State& all = emulator::state();
  if (properties->ordinal < 0 || properties->ordinal >= all.devices) {
    return INVALID_VALUE;
  }
  *pool = all.give_out(
      CUmemPoolHandle_st{all.contexts[static_cast<std::size_t>(properties->ordinal)].get()});
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuMemPoolDestroy(CUmemoryPool pool) {
  ENTER("cuMemPoolDestroy")
  return emulator::state().take_back(pool);
}

// Nothing to do: what is freed is given back at once when the stream comes to it.
COPPICE_EXPORT CUresult cuMemPoolTrimTo(CUmemoryPool pool, std::size_t) {
  ENTER("cuMemPoolTrimTo")
  return emulator::state().has(pool) ? SUCCESS : INVALID_HANDLE;
}

COPPICE_EXPORT CUresult cuMemHostAlloc(void** address, std::size_t bytes, unsigned) {
  ENTER_CONTEXT("cuMemHostAlloc")
  return allocate_host(address, bytes);
}

COPPICE_EXPORT CUresult cuMemAllocHost_v2(void** address, std::size_t bytes) {
  ENTER_CONTEXT("cuMemAllocHost")
  return allocate_host(address, bytes);
}

COPPICE_EXPORT CUresult cuMemFreeHost(void* address) {
  ENTER_CONTEXT("cuMemFreeHost")
  if (const int code = finish_all(); code) {
    return code;
  }
  return emulator::host_memory().release(reinterpret_cast<std::uintptr_t>(address)) ? SUCCESS
                                                                                    : INVALID_VALUE;
}

COPPICE_EXPORT CUresult cuMemHostRegister_v2(void* address, std::size_t bytes, unsigned) {
  ENTER_CONTEXT("cuMemHostRegister")
  const auto start = reinterpret_cast<std::uintptr_t>(address);
  if (address == nullptr || bytes == 0) {
    return INVALID_VALUE;
  }
  const auto after = emulator::registered().lower_bound(start + bytes);
  if (after != emulator::registered().begin()) {
    const auto& [before, size] = *std::prev(after);
    if (before + size > start) {
      return ALREADY_REGISTERED;
    }
  }
  emulator::registered().emplace(start, bytes);
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuMemHostUnregister(void* address) {
  ENTER_CONTEXT("cuMemHostUnregister")
  if (const int code = finish_all(); code) {
    return code;
  }
  const auto start = reinterpret_cast<std::uintptr_t>(address);
  return emulator::registered().erase(start) == 1 ? SUCCESS : NOT_REGISTERED;
}

COPPICE_EXPORT CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* address, void* host, unsigned) {
  ENTER_CONTEXT("cuMemHostGetDevicePointer")
  *address = reinterpret_cast<CUdeviceptr>(host);
  return emulator::is_pinned(*address, 1) ? SUCCESS : INVALID_VALUE;
}

COPPICE_EXPORT CUresult cuPointerGetAttribute(void* value, int which, CUdeviceptr address) {
  ENTER("cuPointerGetAttribute")
  if (emulator::is_pinned(address, 1)) {
    return host_attribute(value, which, address);
  }
  CUctx_st* const context = emulator::owner(address, 1);
  return context == nullptr ? static_cast<int>(INVALID_VALUE)
                            : device_attribute(value, which, address, *context);
}
