// Memory that is watched: guarded on both sides, poisoned when fresh and when freed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

namespace coppice::emulator {

struct Usage {
  std::size_t allocations;
  std::size_t bytes;
  std::size_t total;
};

struct Region {
  std::byte* start;  // of the guard before it
  std::size_t bytes;

  std::byte* data() const;
};

class Memory {
 public:
  // Gives the address of `bytes` new bytes aligned to 256, or 0 where there are not as many left.
  std::uintptr_t allocate(std::size_t bytes);

  // Gives false where no allocation begins at that address.
  bool release(std::uintptr_t address);

  // Gives the allocation in which the range lies.
  std::optional<Region> find(std::uintptr_t address, std::size_t bytes) const;

  bool holds(std::uintptr_t address, std::size_t bytes) const {
    return find(address, bytes).has_value();
  }

  // Gives which allocation was written past, or which freed one was written to, if any was.
  std::optional<std::string> damage() const;

  Usage usage() const { return {live_.size(), live_bytes_, total_}; }

  // Frees everything.
  void abandon();

  void set_total(std::size_t bytes);

 private:
  void forget_oldest();

  std::map<std::uintptr_t, Region> live_;
  std::deque<Region> freed_;
  std::size_t live_bytes_ = 0;
  std::size_t freed_bytes_ = 0;
  std::size_t total_ = SIZE_MAX;
};

}  // namespace coppice::emulator
