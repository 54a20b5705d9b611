// The driver functions of devices, contexts, memory, streams and events. modules.cpp has those of
// modules and launches; all others that JCuda imports answer 801 (CMakeLists.txt).
#include "driver.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "calls.h"
#include "device_state.h"
#include "environment.h"
#include "grid.h"
#include "memory.h"

#define ENTER(name)                                            \
  if (const int code = coppice::emulator::enter(name); code) { \
    return code;                                               \
  }
#define ENTER_CONTEXT(name) \
  ENTER(name)               \
  if (current == nullptr) { \
    return INVALID_CONTEXT; \
  }

struct CUctx_st {};
struct CUstream_st {};
struct CUevent_st {};

namespace emulator = coppice::emulator;

namespace coppice::emulator {

Device& device() {
  static auto* const it = [] {
    auto* made = new Device;
    made->shared_opt_in = from_environment("COPPICE_EMULATOR_SHARED", MOST_SHARED);
    set_memory(from_environment("COPPICE_EMULATOR_MEMORY", std::size_t{1} << 30));
    return made;
  }();
  return *it;
}

}  // namespace coppice::emulator

namespace {

CUctx_st primary;
thread_local CUcontext current = nullptr;
thread_local std::vector<CUcontext> pushed;

template <typename Handle>
int make(Handle** handle) {
  *handle = new Handle;
  emulator::device().handles++;
  return SUCCESS;
}

template <typename Handle>
int destroy(Handle* handle) {
  if (handle == nullptr) {
    return INVALID_HANDLE;
  }
  delete handle;
  emulator::device().handles--;
  return SUCCESS;
}

int copy(void* to, const void* from, CUdeviceptr on_device, std::size_t bytes) {
  if (!emulator::holds(on_device, bytes)) {
    return INVALID_VALUE;
  }
  std::memcpy(to, from, bytes);
  return SUCCESS;
}

int allocate(CUdeviceptr* address, std::size_t bytes) {
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  const CUdeviceptr found = emulator::allocate(bytes);
  if (found == 0) {
    return OUT_OF_MEMORY;
  }
  *address = found;
  return SUCCESS;
}

template <typename T>
int fill(CUdeviceptr address, T value, std::size_t count) {
  if (!emulator::holds(address, count * sizeof(T))) {
    return INVALID_VALUE;
  }
  std::fill_n(reinterpret_cast<T*>(address), count, value);
  return SUCCESS;
}

int attribute(int which) {
  switch (which) {
    case 1:  // Threads a block.
      return emulator::MOST_THREADS;
    case 8:  // Shared memory a block, without opting in.
      return 49152;
    case 10:  // Lanes a warp.
      return emulator::WARP;
    case 16:  // Multiprocessors.
      return 4;
    case 39:  // Threads a multiprocessor.
      return 2048;
    case 75:  // Compute capability 9.0.
      return 9;
    case 81:  // Shared memory a multiprocessor.
      return static_cast<int>(emulator::device().shared_opt_in) + 1024;
    case 97:  // Shared memory a block can opt in to.
      return static_cast<int>(emulator::device().shared_opt_in);
    case 111:  // Shared memory that the system keeps of each block's.
      return 1024;
    case 115:  // Memory pools.
      return 1;
    default:
      return 0;
  }
}

}  // namespace

COPPICE_EXPORT CUresult cuInit(unsigned) {
  ENTER("cuInit")
  return emulator::device().devices == 0 ? NO_DEVICE : SUCCESS;
}

COPPICE_EXPORT CUresult cuDriverGetVersion(int* version) {
  ENTER("cuDriverGetVersion")
  *version = emulator::device().driver_version;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGetCount(int* count) {
  ENTER("cuDeviceGetCount")
  *count = emulator::device().devices;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  ENTER("cuDeviceGet")
  if (ordinal < 0 || ordinal >= emulator::device().devices) {
    return INVALID_DEVICE;
  }
  *device = ordinal;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGetName(char* name, int length, CUdevice) {
  ENTER("cuDeviceGetName")
  const std::string given = "emulated device";
  std::memset(name, 0, static_cast<std::size_t>(length));
  given.copy(name, static_cast<std::size_t>(length) - 1);
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGetAttribute(int* value, int which, CUdevice) {
  ENTER("cuDeviceGetAttribute")
  *value = attribute(which);
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice) {
  ENTER("cuDeviceTotalMem")
  *bytes = emulator::usage().total;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  ENTER("cuDevicePrimaryCtxRetain")
  emulator::device().contexts++;
  *context = &primary;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice) {
  ENTER("cuDevicePrimaryCtxRelease")
  if (emulator::device().contexts == 0) {
    return INVALID_CONTEXT;
  }
  emulator::device().contexts--;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxGetCurrent(CUcontext* context) {
  ENTER("cuCtxGetCurrent")
  *context = current;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxSetCurrent(CUcontext context) {
  ENTER("cuCtxSetCurrent")
  current = context;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxPushCurrent_v2(CUcontext context) {
  ENTER("cuCtxPushCurrent")
  pushed.push_back(current);
  current = context;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxPopCurrent_v2(CUcontext* context) {
  ENTER("cuCtxPopCurrent")
  if (pushed.empty()) {
    return INVALID_CONTEXT;
  }
  *context = current;
  current = pushed.back();
  pushed.pop_back();
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxSynchronize() {
  ENTER_CONTEXT("cuCtxSynchronize")
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  ENTER_CONTEXT("cuMemGetInfo")
  const emulator::Usage usage = emulator::usage();
  *free = usage.total - usage.bytes;
  *total = usage.total;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuMemAlloc_v2(CUdeviceptr* address, std::size_t bytes) {
  ENTER_CONTEXT("cuMemAlloc")
  return allocate(address, bytes);
}

COPPICE_EXPORT CUresult cuMemAllocAsync(CUdeviceptr* address, std::size_t bytes, CUstream) {
  ENTER_CONTEXT("cuMemAllocAsync")
  return allocate(address, bytes);
}

COPPICE_EXPORT CUresult cuMemFree_v2(CUdeviceptr address) {
  ENTER_CONTEXT("cuMemFree")
  return address == 0 || emulator::release(address) ? SUCCESS : INVALID_VALUE;
}

COPPICE_EXPORT CUresult cuMemFreeAsync(CUdeviceptr address, CUstream) {
  ENTER_CONTEXT("cuMemFreeAsync")
  return emulator::release(address) ? SUCCESS : INVALID_VALUE;
}

COPPICE_EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, std::size_t bytes) {
  ENTER_CONTEXT("cuMemcpyHtoD")
  return copy(reinterpret_cast<void*>(to), from, to, bytes);
}

COPPICE_EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, std::size_t bytes,
                                             CUstream) {
  ENTER_CONTEXT("cuMemcpyHtoDAsync")
  return copy(reinterpret_cast<void*>(to), from, to, bytes);
}

COPPICE_EXPORT CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, std::size_t bytes) {
  ENTER_CONTEXT("cuMemcpyDtoH")
  return copy(to, reinterpret_cast<const void*>(from), from, bytes);
}

COPPICE_EXPORT CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, std::size_t bytes,
                                             CUstream) {
  ENTER_CONTEXT("cuMemcpyDtoHAsync")
  return copy(to, reinterpret_cast<const void*>(from), from, bytes);
}

COPPICE_EXPORT CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, std::size_t count) {
  ENTER_CONTEXT("cuMemsetD8")
  return fill<std::uint8_t>(address, value, count);
}

COPPICE_EXPORT CUresult cuMemsetD8Async(CUdeviceptr address, unsigned char value, std::size_t count,
                                        CUstream) {
  ENTER_CONTEXT("cuMemsetD8Async")
  return fill<std::uint8_t>(address, value, count);
}

COPPICE_EXPORT CUresult cuMemsetD32_v2(CUdeviceptr address, unsigned value, std::size_t count) {
  ENTER_CONTEXT("cuMemsetD32")
  return fill<std::uint32_t>(address, value, count);
}

COPPICE_EXPORT CUresult cuMemsetD32Async(CUdeviceptr address, unsigned value, std::size_t count,
                                         CUstream) {
  ENTER_CONTEXT("cuMemsetD32Async")
  return fill<std::uint32_t>(address, value, count);
}

COPPICE_EXPORT CUresult cuStreamCreate(CUstream* stream, unsigned) {
  ENTER_CONTEXT("cuStreamCreate")
  return make(stream);
}

COPPICE_EXPORT CUresult cuStreamDestroy_v2(CUstream stream) {
  ENTER_CONTEXT("cuStreamDestroy")
  return destroy(stream);
}

COPPICE_EXPORT CUresult cuStreamSynchronize(CUstream) {
  ENTER_CONTEXT("cuStreamSynchronize")
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuStreamQuery(CUstream) {
  ENTER_CONTEXT("cuStreamQuery")
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuStreamWaitEvent(CUstream, CUevent, unsigned) {
  ENTER_CONTEXT("cuStreamWaitEvent")
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuEventCreate(CUevent* event, unsigned) {
  ENTER_CONTEXT("cuEventCreate")
  return make(event);
}

COPPICE_EXPORT CUresult cuEventDestroy_v2(CUevent event) {
  ENTER_CONTEXT("cuEventDestroy")
  return destroy(event);
}

COPPICE_EXPORT CUresult cuEventRecord(CUevent, CUstream) {
  ENTER_CONTEXT("cuEventRecord")
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuEventSynchronize(CUevent) {
  ENTER_CONTEXT("cuEventSynchronize")
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuEventQuery(CUevent) {
  ENTER_CONTEXT("cuEventQuery")
  return SUCCESS;
}

namespace {

struct Error {
  int code;
  const char* name;
  const char* text;
};
constexpr Error ERRORS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for the device"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
};

int look_up(int code, const char** result, const char* Error::* field) {
  const auto* found =
      std::find_if(std::begin(ERRORS), std::end(ERRORS), [=](const Error& e) { return e.code == code; });
  *result = found == std::end(ERRORS) ? nullptr : found->*field;
  return found == std::end(ERRORS) ? INVALID_VALUE : SUCCESS;
}

}  // namespace

// These two touch no device, so they answer on a poisoned context too.
COPPICE_EXPORT CUresult cuGetErrorName(CUresult code, const char** name) {
  return look_up(code, name, &Error::name);
}

COPPICE_EXPORT CUresult cuGetErrorString(CUresult code, const char** text) {
  return look_up(code, text, &Error::text);
}
