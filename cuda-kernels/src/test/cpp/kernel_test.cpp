#include "kernel_test.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>

// What is used of CUDA's driver API; its headers are not needed.
extern "C" {
int cuInit(unsigned);
int cuDeviceGet(int*, int);
int cuDevicePrimaryCtxRetain(void**, int);
int cuCtxSetCurrent(void*);
int cuModuleLoadData(void**, const void*);
int cuModuleGetFunction(void**, void*, const char*);
int cuFuncSetAttribute(void*, int, int);
int cuLaunchKernel(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*,
                   void**, void**);
int cuCtxSynchronize();
int cuMemAlloc_v2(std::uintptr_t*, std::size_t);
int cuMemFree_v2(std::uintptr_t);
int cuMemcpyHtoD_v2(std::uintptr_t, const void*, std::size_t);
int cuMemcpyDtoH_v2(void*, std::uintptr_t, std::size_t);
}

namespace coppice::test {
namespace {

constexpr int MAX_DYNAMIC_SHARED = 8;  // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES

void* open_module() {
  check(cuInit(0), "cuInit");
  int device = 0;
  check(cuDeviceGet(&device, 0), "cuDeviceGet");
  void* context = nullptr;
  check(cuDevicePrimaryCtxRetain(&context, device), "cuDevicePrimaryCtxRetain");
  check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
  const char* path = std::getenv("COPPICE_KERNELS");
  std::ifstream file(path == nullptr ? "" : path, std::ios::binary);
  std::vector<char> image{std::istreambuf_iterator<char>(file), {}};
  if (image.empty()) {
    std::fprintf(stderr, "COPPICE_KERNELS does not name the kernels' image\n");
    std::exit(2);
  }
  image.push_back('\0');
  void* module = nullptr;
  check(cuModuleLoadData(&module, image.data()), "cuModuleLoadData");
  return module;
}

void* module() {
  static void* const opened = open_module();
  return opened;
}

void* function(const std::string& name) {
  static std::map<std::string, void*> found;
  void*& handle = found[name];
  if (handle == nullptr) {
    check(cuModuleGetFunction(&handle, module(), name.c_str()), name.c_str());
  }
  return handle;
}

}  // namespace

void check(int code, const char* call) {
  if (code != 0) {
    std::fprintf(stderr, "%s answered %d\n", call, code);
    std::exit(1);
  }
}

std::uintptr_t allocate(std::size_t bytes) {
  module();
  std::uintptr_t address = 0;
  check(cuMemAlloc_v2(&address, bytes), "cuMemAlloc");
  return address;
}

void release(std::uintptr_t address) { check(cuMemFree_v2(address), "cuMemFree"); }

void upload(std::uintptr_t to, const void* from, std::size_t bytes) {
  if (bytes != 0) {
    check(cuMemcpyHtoD_v2(to, from, bytes), "cuMemcpyHtoD");
  }
}

void download(void* to, std::uintptr_t from, std::size_t bytes) {
  if (bytes != 0) {
    check(cuMemcpyDtoH_v2(to, from, bytes), "cuMemcpyDtoH");
  }
}

void launch_bytes(const std::string& kernel, unsigned blocks, unsigned threads, unsigned shared,
                  const void* parameters, std::size_t bytes) {
  void* found = function(kernel);
  check(cuFuncSetAttribute(found, MAX_DYNAMIC_SHARED, static_cast<int>(shared)), kernel.c_str());
  // CU_LAUNCH_PARAM_BUFFER_POINTER, _SIZE, _END.
  void* extra[] = {reinterpret_cast<void*>(1), const_cast<void*>(parameters),
                   reinterpret_cast<void*>(2), &bytes, nullptr};
  check(cuLaunchKernel(found, blocks, 1, 1, threads, 1, 1, shared, nullptr, nullptr, extra),
        kernel.c_str());
  check(cuCtxSynchronize(), kernel.c_str());
}

}  // namespace coppice::test
