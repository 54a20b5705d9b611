// Device memory, in host memory: guarded on both sides, poisoned when fresh and when freed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace coppice::emulator {

// Gives the address of `bytes` new bytes aligned to 256, or 0 where the device's memory is used up.
std::uintptr_t allocate(std::size_t bytes);

// Gives false where no allocation begins at that address.
bool release(std::uintptr_t address);

// Says whether the range lies in one allocation.
bool holds(std::uintptr_t address, std::size_t bytes);

// Gives which allocation was written past, or which freed one was written to, if any was.
std::optional<std::string> damage();

struct Usage {
  std::size_t allocations;
  std::size_t bytes;
  std::size_t total;
};
Usage usage();

// Frees everything.
void abandon();

void set_memory(std::size_t bytes);

}  // namespace coppice::emulator
