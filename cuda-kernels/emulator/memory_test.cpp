// Memory of devices and of the host, devices, functions: what the driver answers.
#include <cstdio>

#include "driver_test.h"
#include "grid.h"
#include "host_memory.h"

namespace coppice::emulator {
namespace {

class MemoryTest : public DriverTest {};

TEST_F(MemoryTest, IsAlignedBoundedAndFresh) {
  context_->memory.set_total(1000);
  const CUdeviceptr first = allocate(150);
  EXPECT_EQ(first % 256, 0U);
  EXPECT_EQ(word(first), 0xCDCDCDCD);
  CUdeviceptr second = 0;
  EXPECT_EQ(cuMemAlloc_v2(&second, 600), OUT_OF_MEMORY);
  EXPECT_EQ(cuMemAlloc_v2(&second, 0), INVALID_VALUE);
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_EQ(cuMemGetInfo_v2(&free, &total), SUCCESS);
  EXPECT_EQ(free, 400U);
  EXPECT_EQ(total, 1000U);
  EXPECT_TRUE(context_->memory.holds(first + 500, 100));
  EXPECT_FALSE(context_->memory.holds(first + 500, 101));
}

TEST_F(MemoryTest, NoticesWritesAroundAnAllocationAndAfterItsEnd) {
  NOT_UNDER_THE_SANITIZER;
  Memory memory;
  const auto address = reinterpret_cast<unsigned char*>(memory.allocate(10));
  EXPECT_FALSE(memory.damage());
  for (const int offset : {-1, 10}) {
    const unsigned char before = std::exchange(address[offset], static_cast<unsigned char>(1));
    EXPECT_TRUE(memory.damage()) << offset;
    address[offset] = before;
  }
  EXPECT_TRUE(memory.release(reinterpret_cast<std::uintptr_t>(address)));
  EXPECT_FALSE(memory.release(reinterpret_cast<std::uintptr_t>(address)));
  EXPECT_FALSE(memory.damage());
  address[3] = 1;
  EXPECT_EQ(memory.damage(), "written to a freed allocation of 10 bytes");
  memory.abandon();
}

#ifdef __SANITIZE_ADDRESS__
TEST_F(MemoryTest, TheSanitizerStopsAReadOutsideAnAllocation) {
  const CUdeviceptr data = allocate(4);
  EXPECT_DEATH(std::printf("%u", word(data + 16)), "use-after-poison");
  EXPECT_DEATH(std::printf("%u", word(data - 4)), "use-after-poison");
  ASSERT_EQ(cuMemFree_v2(data), SUCCESS);
  EXPECT_DEATH(std::printf("%u", word(data)), "use-after-poison");
}
#endif

TEST_F(MemoryTest, CopiesOutOfBoundsAreRefused) {
  const CUdeviceptr data = allocate(4);
  unsigned host[8] = {};
  EXPECT_EQ(cuMemcpyHtoD_v2(data, host, 17), INVALID_VALUE);
  EXPECT_EQ(cuMemcpyDtoH_v2(host, data + 4, 16), INVALID_VALUE);
  EXPECT_EQ(cuMemcpyDtoDAsync_v2(data, reinterpret_cast<CUdeviceptr>(host), 4, nullptr), INVALID_VALUE);
  EXPECT_EQ(cuMemsetD8_v2(data, 1, 17), INVALID_VALUE);
  EXPECT_EQ(cuMemsetD16Async(data + 1, 1, 1, nullptr), INVALID_VALUE) << "not aligned";
  EXPECT_EQ(cuMemcpyHtoDAsync_v2(data, host, 0, nullptr), SUCCESS);
}

TEST_F(MemoryTest, CopiesAndFillsDoWhatTheySay) {
  const CUdeviceptr data = allocate(8);
  unsigned* host = pinned(8, 1);
  ASSERT_EQ(cuMemcpyHtoD_v2(data, host, 32), SUCCESS);
  ASSERT_EQ(cuMemcpyDtoDAsync_v2(data, data + 16, 8, nullptr), SUCCESS);
  ASSERT_EQ(cuMemsetD8_v2(data + 8, 0xAB, 4), SUCCESS);
  ASSERT_EQ(cuMemsetD16Async(data + 12, 0x1234, 2, nullptr), SUCCESS);
  ASSERT_EQ(cuMemcpyAsync(reinterpret_cast<CUdeviceptr>(host), data, 32, nullptr), SUCCESS);
  EXPECT_EQ(host[0], 1U) << "to pinned memory, so later";
  ASSERT_EQ(cuCtxSynchronize(), SUCCESS);
  EXPECT_EQ(std::vector(host, host + 8),
            (std::vector<unsigned>{5, 6, 0xABABABAB, 0x12341234, 5, 6, 7, 8}));
}

TEST_F(MemoryTest, PitchedCopiesTakeRowsApart) {
  struct Side {
    std::size_t x = 0;
    std::size_t y = 0;
    int type;
    void* host = nullptr;
    CUdeviceptr device = 0;
    void* array = nullptr;
    std::size_t pitch;
  };
  struct {
    Side from;
    Side to;
    std::size_t width;
    std::size_t height;
  } copy{{.x = 4, .y = 1, .type = 1, .pitch = 16}, {.type = 2, .pitch = 8}, 8, 2};
  unsigned* host = pinned(16, 0);
  copy.from.host = host;
  copy.to.device = allocate(4);
  const CUstream s = stream();
  ASSERT_EQ(cuMemcpy2DAsync_v2(&copy, s), SUCCESS);
  EXPECT_EQ(word(copy.to.device), 0xCDCDCDCD);
  ASSERT_EQ(cuStreamSynchronize(s), SUCCESS);
  const auto* words = reinterpret_cast<unsigned*>(copy.to.device);
  EXPECT_EQ(std::vector(words, words + 4), (std::vector<unsigned>{5, 6, 9, 10}));
  copy.height = 3;
  EXPECT_EQ(cuMemcpy2DAsync_v2(&copy, s), INVALID_VALUE);
}

TEST_F(MemoryTest, PinnedMemoryIsCountedGuardedAndNotADevices) {
  unsigned* host = pinned(4);
  EXPECT_EQ(host_memory().usage().allocations, 1U);
  EXPECT_EQ(context_->memory.usage().allocations, 0U);
  CUdeviceptr mapped = 0;
  ASSERT_EQ(cuMemHostGetDevicePointer_v2(&mapped, host, 0), SUCCESS);
  ASSERT_EQ(launch(function("test_write_past_end"), mapped, 3, 1, 1, nullptr), SUCCESS);
  ASSERT_EQ(cuMemFreeHost(host), SUCCESS);
  EXPECT_EQ(host_memory().usage().allocations, 0U);
  EXPECT_EQ(cuMemFreeHost(host), INVALID_VALUE);
}

TEST_F(MemoryTest, PointersSayWhatTheyPointTo) {
  const CUdeviceptr data = allocate(4);
  unsigned type = 0;
  EXPECT_EQ(cuPointerGetAttribute(&type, 2, data + 15), SUCCESS);
  EXPECT_EQ(type, 2U);
  CUcontext context = nullptr;
  EXPECT_EQ(cuPointerGetAttribute(&context, 1, data), SUCCESS);
  EXPECT_EQ(context, context_);
  CUdeviceptr start = 0;
  EXPECT_EQ(cuPointerGetAttribute(&start, 11, data + 15), SUCCESS);
  EXPECT_EQ(start, data);
  EXPECT_EQ(cuPointerGetAttribute(&type, 2, reinterpret_cast<CUdeviceptr>(pinned(1))), SUCCESS);
  EXPECT_EQ(type, 1U);
  EXPECT_EQ(cuPointerGetAttribute(&type, 2, reinterpret_cast<CUdeviceptr>(&type)), INVALID_VALUE);
}

TEST_F(MemoryTest, PoolsGiveMemoryOfTheirDevice) {
  const int properties[22] = {1, 0, 1, 0};
  CUmemoryPool pool = nullptr;
  ASSERT_EQ(cuMemPoolCreate(&pool, properties), SUCCESS);
  CUdeviceptr data = 0;
  ASSERT_EQ(cuMemAllocFromPoolAsync(&data, 40, pool, nullptr), SUCCESS);
  EXPECT_EQ(owner(data, 40), context_);
  ASSERT_EQ(cuMemFreeAsync(data, nullptr), SUCCESS);
  ASSERT_EQ(cuMemPoolTrimTo(pool, 0), SUCCESS);
  ASSERT_EQ(cuMemPoolDestroy(pool), SUCCESS);
}

TEST_F(MemoryTest, EachDeviceHasItsOwnMemoryAndContext) {
  state().devices = 2;
  state().contexts[1]->memory.set_total(100);
  int count = 0;
  ASSERT_EQ(cuDeviceGetCount(&count), SUCCESS);
  EXPECT_EQ(count, 2);
  std::size_t total = 0;
  ASSERT_EQ(cuDeviceTotalMem_v2(&total, 1), SUCCESS);
  EXPECT_EQ(total, 100U);
  const CUdeviceptr on_first = allocate(4);
  const CUfunction of_first = function("test_reverse");
  CUcontext second = nullptr;
  ASSERT_EQ(cuDevicePrimaryCtxRetain(&second, 1), SUCCESS);
  ASSERT_EQ(cuCtxSetCurrent(second), SUCCESS);
  CUdevice device = -1;
  ASSERT_EQ(cuCtxGetDevice(&device), SUCCESS);
  EXPECT_EQ(device, 1);
  unsigned host[4] = {};
  EXPECT_EQ(cuMemcpyDtoH_v2(host, on_first, 16), INVALID_VALUE);
  EXPECT_EQ(launch(of_first, on_first, 0, 1, 4, nullptr), INVALID_HANDLE);
  CUcontext of_stream = nullptr;
  ASSERT_EQ(cuStreamGetCtx(stream(), &of_stream), SUCCESS);
  EXPECT_EQ(of_stream, second);
  ASSERT_EQ(launch(function("test_reverse"), on_first, 0, 1, 4, nullptr), SUCCESS);
  EXPECT_EQ(cuCtxSynchronize(), ILLEGAL_ADDRESS) << "memory of the other device";
}

TEST_F(MemoryTest, DevicesSayWhoTheyAre) {
  char bus[16];
  ASSERT_EQ(cuDeviceGetPCIBusId(bus, sizeof bus, 0), SUCCESS);
  EXPECT_STREQ(bus, "0000:01:00.0");
  unsigned char uuid[16] = {};
  EXPECT_EQ(cuDeviceGetUuid(uuid, 0), SUCCESS);
  EXPECT_EQ(cuDeviceGetUuid(uuid, 1), INVALID_DEVICE);
  int multiprocessors = 0;
  ASSERT_EQ(cuDeviceGetAttribute(&multiprocessors, 16, 0), SUCCESS);
  EXPECT_EQ(multiprocessors, 4);
  const char* name = nullptr;
  ASSERT_EQ(cuGetErrorName(NOT_READY, &name), SUCCESS);
  EXPECT_STREQ(name, "CUDA_ERROR_NOT_READY");
}

TEST_F(MemoryTest, FunctionsSayWhatTheyMayUse) {
  const CUfunction f = function("test_reverse");
  int value = 0;
  ASSERT_EQ(cuFuncGetAttribute(&value, 0, f), SUCCESS);
  EXPECT_EQ(value, 1024);
  EXPECT_EQ(cuFuncSetAttribute(f, 8, static_cast<int>(MOST_SHARED)), SUCCESS);
  EXPECT_EQ(cuFuncSetAttribute(f, 8, static_cast<int>(MOST_SHARED) + 1), INVALID_VALUE);
  ASSERT_EQ(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, f, 1024, 0), SUCCESS);
  EXPECT_EQ(value, 2);
  ASSERT_EQ(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, f, 256, 100000), SUCCESS);
  EXPECT_EQ(value, 2);
}

TEST_F(MemoryTest, LaunchesThatNoDeviceCouldMakeAreRefused) {
  const CUfunction f = function("test_reverse");
  const CUdeviceptr data = allocate(4);
  EXPECT_EQ(launch(f, data, 0, 0, 4, nullptr), INVALID_VALUE);
  EXPECT_EQ(launch(f, data, 0, 0x80000000U, 4, nullptr), INVALID_VALUE);
  EXPECT_EQ(launch(f, data, 0, 1, 1025, nullptr), INVALID_VALUE);
  EXPECT_EQ(launch(f, data, 0, 0x7FFFFFFFU, 4, nullptr), SUCCESS) << "it is not run here";
  const CUfunction bounded = function("test_bounds");
  EXPECT_EQ(launch(bounded, data, 0, 1, 64, nullptr), SUCCESS);
  EXPECT_EQ(launch(bounded, data, 0, 1, 65, nullptr), LAUNCH_OUT_OF_RESOURCES);
}

}  // namespace
}  // namespace coppice::emulator
