#include "host_memory.h"

namespace coppice::emulator {

Memory& host_memory() {
  static auto* const it = new Memory;
  return *it;
}

std::map<std::uintptr_t, std::size_t>& registered() {
  static auto* const it = new std::map<std::uintptr_t, std::size_t>;
  return *it;
}

bool is_pinned(std::uintptr_t address, std::size_t bytes) {
  if (host_memory().holds(address, bytes)) {
    return true;
  }
  const auto after = registered().upper_bound(address);
  if (after == registered().begin()) {
    return false;
  }
  const auto& [start, size] = *std::prev(after);
  return address - start <= size && bytes <= size - (address - start);
}

}  // namespace coppice::emulator
