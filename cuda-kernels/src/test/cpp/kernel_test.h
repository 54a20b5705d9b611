// Runs kernels through the driver API, on the emulated driver or on a device: whichever libcuda.so.1 the
// loader finds. COPPICE_KERNELS names the image (kernels.image) or the fatbin that they are in.
#pragma once
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

namespace coppice::test {

// Every failure ends the process: after one, nothing else can be believed.
void check(int code, const char* call);

std::uintptr_t allocate(std::size_t bytes);
void release(std::uintptr_t address);
void upload(std::uintptr_t to, const void* from, std::size_t bytes);
void download(void* to, std::uintptr_t from, std::size_t bytes);

// Launches and waits. `parameters` is the one struct that the kernel takes.
void launch_bytes(const std::string& kernel, unsigned blocks, unsigned threads, unsigned shared,
                  const void* parameters, std::size_t bytes);

template <typename P>
void launch(const std::string& kernel, unsigned blocks, unsigned threads, unsigned shared,
            const P& parameters) {
  static_assert(std::is_trivially_copyable_v<P>);
  launch_bytes(kernel, blocks, threads, shared, &parameters, sizeof(P));
}

// Device memory of its own, exactly as long as its contents: reads and writes past it are found.
template <typename T>
class DeviceArray {
 public:
  // `offset` bytes lie before the first element, for pointers that are not aligned to 16 bytes.
  explicit DeviceArray(const std::vector<T>& contents, std::size_t offset = 0)
      : count_(contents.size()), offset_(offset), address_(allocate(offset + bytes() + (bytes() == 0))) {
    upload(address_ + offset_, contents.data(), bytes());
  }
  explicit DeviceArray(std::size_t count) : DeviceArray(std::vector<T>(count)) {}
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { release(address_); }

  T* data() const { return reinterpret_cast<T*>(address_ + offset_); }

  std::vector<T> read() const {
    std::vector<T> contents(count_);
    download(contents.data(), address_ + offset_, bytes());
    return contents;
  }

 private:
  std::size_t bytes() const { return count_ * sizeof(T); }

  std::size_t count_;
  std::size_t offset_;
  std::uintptr_t address_;
};

}  // namespace coppice::test
