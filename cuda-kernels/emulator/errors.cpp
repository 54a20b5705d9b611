// What codes are called.
#include <algorithm>
#include <iterator>

#include "driver.h"

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
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {ALREADY_REGISTERED, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
     "part or all of the requested memory range is already mapped"},
    {NOT_REGISTERED, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
     "pointer does not correspond to a registered memory region"},
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
