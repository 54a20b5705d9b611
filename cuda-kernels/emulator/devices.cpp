// The driver functions of devices and contexts. All functions that JCuda imports and no file here
// defines answer 801 (CMakeLists.txt).
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "calls.h"
#include "grid.h"
#include "state.h"

namespace emulator = coppice::emulator;

namespace {

thread_local std::vector<CUcontext> pushed;

CUctx_st* find_device(CUdevice device) {
  const emulator::State& all = emulator::state();
  return device < 0 || device >= all.devices ? nullptr
                                             : all.contexts[static_cast<std::size_t>(device)].get();
}

int attribute(int which, CUdevice device) {
  const auto opt_in = static_cast<int>(emulator::state().shared_opt_in);
  switch (which) {
    case 1:  // Threads a block, and in its x and y.
    case 2:
    case 3:
      return emulator::MOST_THREADS;
    case 4:  // In its z.
      return 64;
    case 5:  // Blocks in a grid's x, y, z.
      return INT32_MAX;
    case 6:
    case 7:
      return 65535;
    case 8:  // Shared memory a block, without opting in.
      return 49152;
    case 9:  // Constant memory.
      return 65536;
    case 10:  // Lanes a warp.
      return emulator::WARP;
    case 12:  // Registers a block, and a multiprocessor.
    case 82:
      return 65536;
    case 13:  // Clock, kHz.
      return 1'000'000;
    case 16:  // Multiprocessors.
      return 4;
    case 15:   // Copies beside kernels,
    case 19:   // maps host memory,
    case 31:   // kernels beside kernels,
    case 41:   // one address space,
    case 115:  // memory pools: yes.
      return 1;
    case 33:  // PCI bus.
      return device + 1;
    case 36:  // Memory clock, kHz.
      return 1'000'000;
    case 37:  // Memory bus, bits.
      return 64;
    case 38:  // L2 cache, bytes.
      return 4 << 20;
    case 39:  // Threads a multiprocessor.
      return 2048;
    case 40:  // Copy engines.
      return 2;
    case 75:  // Compute capability 9.0.
      return 9;
    case 81:  // Shared memory a multiprocessor.
      return opt_in + 1024;
    case 97:  // Shared memory a block can opt in to.
      return opt_in;
    case 106:  // Blocks a multiprocessor.
      return 32;
    case 111:  // Shared memory that the system keeps of each block's.
      return 1024;
    default:
      return 0;
  }
}

}  // namespace

CUcontext& emulator::current() {
  thread_local CUcontext context = nullptr;
  return context;
}

COPPICE_EXPORT CUresult cuInit(unsigned) {
  ENTER("cuInit")
  return emulator::state().devices == 0 ? NO_DEVICE : SUCCESS;
}

COPPICE_EXPORT CUresult cuDriverGetVersion(int* version) {
  ENTER("cuDriverGetVersion")
  *version = emulator::state().driver_version;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGetCount(int* count) {
  ENTER("cuDeviceGetCount")
  *count = emulator::state().devices;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  ENTER("cuDeviceGet")
  if (find_device(ordinal) == nullptr) {
    return INVALID_DEVICE;
  }
  *device = ordinal;
  return SUCCESS;
}

#define FIND_DEVICE(context, device)                \
  CUctx_st* const context = find_device(device);    \
  if (context == nullptr) {                         \
    return INVALID_DEVICE;                          \
  }

COPPICE_EXPORT CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
  ENTER("cuDeviceGetName")
  FIND_DEVICE(context, device)
  const std::string number = context->ordinal == 0 ? "" : " " + std::to_string(context->ordinal);
  std::snprintf(name, static_cast<std::size_t>(length), "emulated device%s", number.c_str());
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGetPCIBusId(char* id, int length, CUdevice device) {
  ENTER("cuDeviceGetPCIBusId")
  FIND_DEVICE(context, device)
  std::snprintf(id, static_cast<std::size_t>(length), "0000:%02x:00.0", context->ordinal + 1);
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGetUuid(void* uuid, CUdevice device) {
  ENTER("cuDeviceGetUuid")
  FIND_DEVICE(context, device)
  std::memset(uuid, 0xE0 + context->ordinal, 16);
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceGetAttribute(int* value, int which, CUdevice device) {
  ENTER("cuDeviceGetAttribute")
  FIND_DEVICE(context, device)
  *value = attribute(which, context->ordinal);
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice device) {
  ENTER("cuDeviceTotalMem")
  FIND_DEVICE(context, device)
  *bytes = context->memory.usage().total;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext* retained, CUdevice device) {
  ENTER("cuDevicePrimaryCtxRetain")
  FIND_DEVICE(context, device)
  context->retained++;
  *retained = context;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  ENTER("cuDevicePrimaryCtxRelease")
  FIND_DEVICE(context, device)
  if (context->retained == 0) {
    return INVALID_CONTEXT;
  }
  context->retained--;
  return context->retained == 0 ? emulator::finish(*context) : static_cast<int>(SUCCESS);
}

COPPICE_EXPORT CUresult cuCtxGetCurrent(CUcontext* context) {
  ENTER("cuCtxGetCurrent")
  *context = emulator::current();
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxSetCurrent(CUcontext context) {
  ENTER("cuCtxSetCurrent")
  emulator::current() = context;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxPushCurrent_v2(CUcontext context) {
  ENTER("cuCtxPushCurrent")
  pushed.push_back(emulator::current());
  emulator::current() = context;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxPopCurrent_v2(CUcontext* context) {
  ENTER("cuCtxPopCurrent")
  if (pushed.empty()) {
    return INVALID_CONTEXT;
  }
  *context = emulator::current();
  emulator::current() = pushed.back();
  pushed.pop_back();
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxGetDevice(CUdevice* device) {
  ENTER_CONTEXT("cuCtxGetDevice")
  *device = emulator::current()->ordinal;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuCtxSynchronize() {
  ENTER_CONTEXT("cuCtxSynchronize")
  return emulator::finish(*emulator::current());
}
