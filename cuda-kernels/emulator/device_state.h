// The one emulated device: what is asked of it, and the handles that it gave out.
#pragma once
#include <atomic>
#include <cstddef>

namespace coppice::emulator {

struct Device {
  std::atomic<std::size_t> shared_opt_in;  // the most shared memory a block can opt in to
  std::atomic<int> driver_version{13000};
  std::atomic<int> devices{1};
  std::atomic<long> contexts{0};  // how often the primary context is retained
  std::atomic<long> handles{0};   // modules, streams and events that are alive
};

Device& device();

}  // namespace coppice::emulator
