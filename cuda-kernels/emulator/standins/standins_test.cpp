// What stand-ins refuse, and when they run. Through their own functions and the emulated driver's.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

using CUcontext = struct CUctx_st*;
using CUstream = struct CUstream_st*;
using Address = std::uintptr_t;

extern "C" {
int cuInit(unsigned);
int cuDevicePrimaryCtxRetain(CUcontext*, int);
int cuCtxSetCurrent(CUcontext);
int cuMemAlloc_v2(Address*, std::size_t);
int cuMemFree_v2(Address);
int cuMemcpyHtoD_v2(Address, const void*, std::size_t);
int cuMemcpyDtoH_v2(void*, Address, std::size_t);
int cublasCreate_v2(void**);
int cublasDestroy_v2(void*);
int cublasGemmEx(void*, int, int, int, int, int, const void*, Address, int, int, Address, int, int, const void*,
                 Address, int, int, int, int);
int cublasSgemm_v2();
int cusparseCreate(void**);
int cusparseDestroy(void*);
int cusparseCreateCsr(void**, std::int64_t, std::int64_t, std::int64_t, Address, Address, Address, int, int, int, int);
int cusparseDestroySpMat(void*);
int cusparseCreateDnMat(void**, std::int64_t, std::int64_t, std::int64_t, Address, int, int);
int cusparseDestroyDnMat(void*);
int cusparseSpMM(void*, int, int, const float*, void*, void*, const float*, void*, int, int, Address);
int cusparseLtInit(void*);
int cusparseLtDestroy(void*);
int cusparseLtStructuredDescriptorInit(void*, void*, std::int64_t, std::int64_t, std::int64_t, unsigned, int, int, int);
int cusparseLtDenseDescriptorInit(void*, void*, std::int64_t, std::int64_t, std::int64_t, unsigned, int, int);
int cuMemsetD8Async(Address, unsigned char, std::size_t, CUstream);
int cuStreamSynchronize(CUstream);
int nvmlInit_v2();
int nvmlShutdown();
int nvmlDeviceGetHandleByPciBusId_v2(const char*, void**);
int nvmlDeviceGetMigMode(void*, unsigned*, unsigned*);
int nvmlDeviceGetTotalEnergyConsumption(void*, unsigned long long*);
int nvmlDeviceGetPowerUsage();
}

namespace {

constexpr int F32 = 0;
constexpr int F64 = 1;
constexpr int F16 = 2;
constexpr int COMPUTE_32F = 68;
constexpr int COMPUTE_64F = 70;
constexpr float ONE = 1;
constexpr float ZERO = 0;

class StandIns : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cuInit(0), 0);
    CUcontext context = nullptr;
    ASSERT_EQ(cuDevicePrimaryCtxRetain(&context, 0), 0);
    ASSERT_EQ(cuCtxSetCurrent(context), 0);
  }

  void TearDown() override {
    for (const Address address : owned_) {
      cuMemFree_v2(address);
    }
  }

  template <typename T = float>
  Address copy(const std::vector<T>& values) {
    Address address = 0;
    EXPECT_EQ(cuMemAlloc_v2(&address, values.size() * sizeof(T)), 0);
    EXPECT_EQ(cuMemcpyHtoD_v2(address, values.data(), values.size() * sizeof(T)), 0);
    owned_.push_back(address);
    return address;
  }

  template <typename T = float>
  static std::vector<T> read(Address address, std::size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(cuMemcpyDtoH_v2(values.data(), address, count * sizeof(T)), 0);
    return values;
  }

 private:
  std::vector<Address> owned_;
};

TEST_F(StandIns, CublasMultipliesByColumnsAndRefusesWhatCannotBe) {
  void* handle = nullptr;
  ASSERT_EQ(cublasCreate_v2(&handle), 0);
  const Address a = copy({1, 2, 3, 4, 5, 6});  // by columns 2 x 3; transposed 3 x 2 of ld 3: its rows
  const Address b = copy({1, 0, 2});
  const Address c = copy({100, 200});
  const auto gemm = [&](int lda, int ldb, int ldc, int type, int compute) {
    return cublasGemmEx(handle, 1, 0, 2, 1, 3, &ONE, a, type, lda, b, F32, ldb, &ONE, c, F32, ldc, compute, -1);
  };
  EXPECT_EQ(gemm(3, 3, 2, F32, COMPUTE_32F), 0);
  EXPECT_EQ(read(c, 2), (std::vector<float>{107, 216}));
  EXPECT_EQ(gemm(2, 3, 2, F32, COMPUTE_32F), 7);
  EXPECT_EQ(gemm(3, 2, 2, F32, COMPUTE_32F), 7);
  EXPECT_EQ(gemm(3, 3, 1, F32, COMPUTE_32F), 7);
  EXPECT_EQ(gemm(3, 3, 2, F16, COMPUTE_32F), 15);
  EXPECT_EQ(gemm(3, 3, 2, F32, 64), 15);
  EXPECT_EQ(cublasSgemm_v2(), 15);
  EXPECT_EQ(cublasDestroy_v2(handle), 0);
  EXPECT_EQ(gemm(3, 3, 2, F32, COMPUTE_32F), 1);
  EXPECT_EQ(cublasDestroy_v2(handle), 1);
}

TEST_F(StandIns, CublasMultipliesF64WithScalarsOfF64) {
  void* handle = nullptr;
  ASSERT_EQ(cublasCreate_v2(&handle), 0);
  const double tiny = 0x1p-40;  // lost beside 1 in F32
  const Address rows = copy<double>({1, tiny, 3, 1, 0, 2});
  const Address sums = copy<double>({tiny, 0, 0, 0, 0, 10});
  const double one = 1;
  const auto gram = [&](int type, int compute, Address c, int ldc) {
    return cublasGemmEx(handle, 0, 1, 3, 2, 2, &one, rows, type, 3, rows, F64, 3, &one, c, F64, ldc, compute, -1);
  };
  EXPECT_EQ(gram(F64, COMPUTE_64F, sums, 3), 0);
  EXPECT_EQ(read<double>(sums, 6), (std::vector<double>{2 + tiny, tiny, 5, tiny, tiny * tiny, 10 + 3 * tiny}));
  EXPECT_EQ(gram(F64, COMPUTE_64F, sums, 2), 7);
  EXPECT_EQ(gram(F32, COMPUTE_64F, sums, 3), 15);
  EXPECT_EQ(gram(F64, COMPUTE_32F, sums, 3), 15);
  EXPECT_EQ(cublasDestroy_v2(handle), 0);
}

TEST_F(StandIns, CusparseRefusesShapesThatDoNotMeetAndHandlesThatAreNone) {
  void* handle = nullptr;
  void* matrix = nullptr;
  void* x = nullptr;
  void* y = nullptr;
  const Address some = copy({0, 0, 0, 0});
  ASSERT_EQ(cusparseCreate(&handle), 0);
  EXPECT_EQ(cusparseCreateCsr(&matrix, 2, 3, 1, some, some, some, 3, 2, 0, F32), 10);
  EXPECT_EQ(cusparseCreateCsr(&matrix, 2, 3, 1, some, 0, some, 2, 2, 0, F32), 3);
  ASSERT_EQ(cusparseCreateCsr(&matrix, 2, 3, 0, some, 0, 0, 2, 2, 0, F32), 0);
  EXPECT_EQ(cusparseCreateDnMat(&x, 3, 2, 2, some, F32, 1), 3);
  ASSERT_EQ(cusparseCreateDnMat(&x, 3, 2, 3, some, F32, 1), 0);
  ASSERT_EQ(cusparseCreateDnMat(&y, 2, 3, 2, some, F32, 1), 0);
  EXPECT_EQ(cusparseSpMM(handle, 0, 0, &ONE, matrix, x, &ZERO, y, F32, 4, some), 3);
  EXPECT_EQ(cusparseSpMM(handle, 1, 0, &ONE, matrix, x, &ZERO, y, F32, 4, some), 10);
  EXPECT_EQ(cusparseSpMM(x, 0, 0, &ONE, matrix, x, &ZERO, y, F32, 4, some), 1);
  EXPECT_EQ(cusparseDestroyDnMat(y), 0);
  EXPECT_EQ(cusparseSpMM(handle, 0, 0, &ONE, matrix, x, &ZERO, y, F32, 4, some), 3);
  EXPECT_EQ(cusparseDestroyDnMat(x), 0);
  EXPECT_EQ(cusparseDestroySpMat(matrix), 0);
  EXPECT_EQ(cusparseDestroy(handle), 0);
}

TEST_F(StandIns, CusparseLtRefusesSizesThatTheReferenceDoesNotAllow) {
  alignas(16) unsigned char handle[512] = {};
  alignas(16) unsigned char matrix[512] = {};
  EXPECT_EQ(cusparseLtDenseDescriptorInit(handle, matrix, 8, 8, 8, 16, F16, 1), 1);
  ASSERT_EQ(cusparseLtInit(handle), 0);
  EXPECT_EQ(cusparseLtDenseDescriptorInit(handle, matrix, 4, 8, 8, 16, F16, 1), 10);
  EXPECT_EQ(cusparseLtDenseDescriptorInit(handle, matrix, 16, 8, 8, 16, F16, 1), 3);
  EXPECT_EQ(cusparseLtDenseDescriptorInit(handle, matrix, 8, 8, 8, 8, F16, 1), 10);
  EXPECT_EQ(cusparseLtStructuredDescriptorInit(handle, matrix, 8, 32, 32, 16, F16, 2, 0), 10);
  EXPECT_EQ(cusparseLtStructuredDescriptorInit(handle, matrix, 16, 32, 32, 16, F32, 2, 0), 10);
  EXPECT_EQ(cusparseLtDestroy(handle), 0);
  EXPECT_EQ(cusparseLtDestroy(handle), 3);
}

TEST_F(StandIns, NvmlCountsWhatStreamsRanAndRefusesWhatItWasNotOpenedFor) {
  void* device = nullptr;
  EXPECT_EQ(nvmlDeviceGetHandleByPciBusId_v2("0000:02:00.0", &device), 1);
  EXPECT_EQ(nvmlShutdown(), 1);
  ASSERT_EQ(nvmlInit_v2(), 0);
  ASSERT_EQ(nvmlInit_v2(), 0);
  EXPECT_EQ(nvmlDeviceGetHandleByPciBusId_v2("0000:09:00.0", &device), 6);
  EXPECT_EQ(nvmlDeviceGetHandleByPciBusId_v2("the second", &device), 2);
  EXPECT_EQ(nvmlDeviceGetHandleByPciBusId_v2(nullptr, &device), 2);
  ASSERT_EQ(nvmlDeviceGetHandleByPciBusId_v2("0000:02:00.0", &device), 0);
  unsigned modes[] = {7, 7};
  EXPECT_EQ(nvmlDeviceGetMigMode(device, &modes[0], &modes[1]), 0);
  EXPECT_EQ(modes[0] + modes[1], 0U);
  unsigned long long before = 0;
  unsigned long long after = 0;
  EXPECT_EQ(nvmlDeviceGetTotalEnergyConsumption(&before, &before), 2);
  EXPECT_EQ(nvmlDeviceGetTotalEnergyConsumption(device, nullptr), 2);
  ASSERT_EQ(nvmlDeviceGetTotalEnergyConsumption(device, &before), 0);
  EXPECT_GE(before, 2'000'000U);
  const Address some = copy({0, 0});
  for (int i = 0; i < 4; i++) {
    ASSERT_EQ(cuMemsetD8Async(some, 1, 8, nullptr), 0);
  }
  ASSERT_EQ(cuStreamSynchronize(nullptr), 0);
  ASSERT_EQ(nvmlDeviceGetTotalEnergyConsumption(device, &after), 0);
  EXPECT_GT(after, before);
  EXPECT_EQ(nvmlDeviceGetPowerUsage(), 3);
  EXPECT_EQ(nvmlShutdown(), 0);
  EXPECT_EQ(nvmlShutdown(), 0);
  EXPECT_EQ(nvmlDeviceGetTotalEnergyConsumption(device, &after), 1);
}

}  // namespace
