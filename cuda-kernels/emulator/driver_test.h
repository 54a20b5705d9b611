// What the tests of the emulated driver call, and a device for each of them.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "calls.h"
#include "state.h"

extern "C" {
CUresult cuInit(unsigned);
CUresult cuDeviceGet(CUdevice*, int);
CUresult cuDeviceGetCount(int*);
CUresult cuDeviceGetPCIBusId(char*, int, CUdevice);
CUresult cuDeviceGetUuid(void*, CUdevice);
CUresult cuDeviceGetAttribute(int*, int, CUdevice);
CUresult cuDeviceTotalMem_v2(std::size_t*, CUdevice);
CUresult cuDevicePrimaryCtxRetain(CUcontext*, CUdevice);
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice);
CUresult cuCtxSetCurrent(CUcontext);
CUresult cuCtxGetDevice(CUdevice*);
CUresult cuCtxSynchronize();
CUresult cuGetErrorName(CUresult, const char**);
CUresult cuMemGetInfo_v2(std::size_t*, std::size_t*);
CUresult cuMemAlloc_v2(CUdeviceptr*, std::size_t);
CUresult cuMemFree_v2(CUdeviceptr);
CUresult cuMemAllocAsync(CUdeviceptr*, std::size_t, CUstream);
CUresult cuMemFreeAsync(CUdeviceptr, CUstream);
CUresult cuMemAllocFromPoolAsync(CUdeviceptr*, std::size_t, CUmemoryPool, CUstream);
CUresult cuMemPoolCreate(CUmemoryPool*, const int*);
CUresult cuMemPoolTrimTo(CUmemoryPool, std::size_t);
CUresult cuMemPoolDestroy(CUmemoryPool);
CUresult cuMemHostAlloc(void**, std::size_t, unsigned);
CUresult cuMemFreeHost(void*);
CUresult cuMemHostRegister_v2(void*, std::size_t, unsigned);
CUresult cuMemHostUnregister(void*);
CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr*, void*, unsigned);
CUresult cuPointerGetAttribute(void*, int, CUdeviceptr);
CUresult cuMemcpyHtoD_v2(CUdeviceptr, const void*, std::size_t);
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr, const void*, std::size_t, CUstream);
CUresult cuMemcpyDtoH_v2(void*, CUdeviceptr, std::size_t);
CUresult cuMemcpyDtoHAsync_v2(void*, CUdeviceptr, std::size_t, CUstream);
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, std::size_t, CUstream);
CUresult cuMemcpyAsync(CUdeviceptr, CUdeviceptr, std::size_t, CUstream);
CUresult cuMemcpy2DAsync_v2(const void*, CUstream);
CUresult cuMemsetD8_v2(CUdeviceptr, unsigned char, std::size_t);
CUresult cuMemsetD16Async(CUdeviceptr, unsigned short, std::size_t, CUstream);
CUresult cuMemsetD32Async(CUdeviceptr, unsigned, std::size_t, CUstream);
CUresult cuStreamCreate(CUstream*, unsigned);
CUresult cuStreamDestroy_v2(CUstream);
CUresult cuStreamSynchronize(CUstream);
CUresult cuStreamQuery(CUstream);
CUresult cuStreamGetCtx(CUstream, CUcontext*);
CUresult cuStreamWaitEvent(CUstream, CUevent, unsigned);
CUresult cuEventCreate(CUevent*, unsigned);
CUresult cuEventDestroy_v2(CUevent);
CUresult cuEventRecord(CUevent, CUstream);
CUresult cuEventQuery(CUevent);
CUresult cuEventSynchronize(CUevent);
CUresult cuEventElapsedTime(float*, CUevent, CUevent);
CUresult cuModuleLoadData(CUmodule*, const void*);
CUresult cuModuleGetFunction(CUfunction*, CUmodule, const char*);
CUresult cuModuleUnload(CUmodule);
CUresult cuFuncGetAttribute(int*, int, CUfunction);
CUresult cuFuncSetAttribute(CUfunction, int, int);
CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int*, CUfunction, int, std::size_t);
CUresult cuLaunchKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                        unsigned, CUstream, void**, void**);
}

// For tests that write where the sanitizer ends the process.
#ifdef __SANITIZE_ADDRESS__
#define NOT_UNDER_THE_SANITIZER GTEST_SKIP() << "the sanitizer stops the write itself"
#else
#define NOT_UNDER_THE_SANITIZER static_cast<void>(0)
#endif

namespace coppice::emulator {

// Every test begins with a fresh driver and the first device's context current, and ends with nothing alive.
class DriverTest : public testing::Test {
 protected:
  void SetUp() override {
    reset_calls();
    reset_state();
    ASSERT_EQ(cuInit(0), SUCCESS);
    ASSERT_EQ(cuDevicePrimaryCtxRetain(&context_, 0), SUCCESS);
    ASSERT_EQ(cuCtxSetCurrent(context_), SUCCESS);
  }

  void TearDown() override {
    reset_calls();
    reset_state();
  }

  static CUdeviceptr allocate(std::size_t words) {
    CUdeviceptr address = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, 4 * words), SUCCESS);
    return address;
  }

  // Pinned words that count up from `first`.
  static unsigned* pinned(std::size_t words, unsigned first = 0) {
    void* address = nullptr;
    EXPECT_EQ(cuMemHostAlloc(&address, 4 * words, 0), SUCCESS);
    auto* data = static_cast<unsigned*>(address);
    std::iota(data, data + words, first);
    return data;
  }

  static CUstream stream(unsigned flags = 1) {
    CUstream made = nullptr;
    EXPECT_EQ(cuStreamCreate(&made, flags), SUCCESS);
    return made;
  }

  static CUevent event(unsigned flags = 0) {
    CUevent made = nullptr;
    EXPECT_EQ(cuEventCreate(&made, flags), SUCCESS);
    return made;
  }

  // What lies on the device now, whatever is queued.
  static unsigned word(CUdeviceptr address) { return *reinterpret_cast<unsigned*>(address); }

  static CUfunction function(const std::string& kernel) {
    CUmodule module = nullptr;
    EXPECT_EQ(cuModuleLoadData(&module, ("coppice emulated kernels\n" + kernel + "\n").c_str()), SUCCESS);
    CUfunction found = nullptr;
    EXPECT_EQ(cuModuleGetFunction(&found, module, kernel.c_str()), SUCCESS);
    return found;
  }

  // Launches a kernel of test_kernels.cu.
  static int launch(CUfunction function, CUdeviceptr data, unsigned count, unsigned blocks, unsigned threads,
                    CUstream stream) {
    struct {
      CUdeviceptr data;
      unsigned count;
    } parameters{data, count};
    std::size_t bytes = sizeof parameters;
    void* extra[] = {reinterpret_cast<void*>(1), &parameters, reinterpret_cast<void*>(2), &bytes, nullptr};
    return cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, nullptr, extra);
  }

  CUcontext context_ = nullptr;
};

}  // namespace coppice::emulator
