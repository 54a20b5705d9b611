#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace coppice::emulator {
namespace {

constexpr std::size_t GUARD = 256;  // The alignment that CUDA promises, too.
constexpr std::byte GUARDED{0xC4};
constexpr std::byte FRESH{0xCD};
constexpr std::byte FREED{0xDD};
// What is freed stays poisoned for a while, so that a write to it is noticed.
constexpr std::size_t MOST_KEPT = 64;
constexpr std::size_t MOST_KEPT_BYTES = 16 << 20;

// The sanitizer stops an access to what is forbidden at the statement that makes it. Without it, writes are
// found afterwards.
#ifdef __SANITIZE_ADDRESS__
constexpr bool FORBIDS = true;
void forbid(const std::byte* begin, std::size_t bytes) { __asan_poison_memory_region(begin, bytes); }
#else
constexpr bool FORBIDS = false;
void forbid(const std::byte*, std::size_t) {}
#endif

bool all_are(const std::byte* begin, std::size_t bytes, std::byte value) {
  return *begin == value && std::memcmp(begin, begin + 1, bytes - 1) == 0;
}

std::string described(const Region& region) {
  return "allocation of " + std::to_string(region.bytes) + " bytes";
}

std::optional<std::string> damage_of(const Region& region) {
  if (!all_are(region.start, GUARD, GUARDED)) {
    return "written before an " + described(region);
  }
  if (!all_are(region.data() + region.bytes, GUARD, GUARDED)) {
    return "written past an " + described(region);
  }
  return std::nullopt;
}

}  // namespace

std::byte* Region::data() const { return start + GUARD; }

std::uintptr_t Memory::allocate(std::size_t bytes) {
  if (bytes > total_ - live_bytes_ || bytes > SIZE_MAX - 4 * GUARD) {
    return 0;
  }
  const std::size_t rounded = (bytes + GUARD - 1) / GUARD * GUARD;
  auto* start = static_cast<std::byte*>(std::aligned_alloc(GUARD, rounded + 2 * GUARD));
  if (start == nullptr) {
    return 0;
  }
  const Region region{start, bytes};
  std::memset(start, static_cast<int>(GUARDED), GUARD);
  std::memset(region.data(), static_cast<int>(FRESH), bytes);
  std::memset(region.data() + bytes, static_cast<int>(GUARDED), GUARD);
  forbid(start, GUARD);
  forbid(region.data() + bytes, GUARD);
  const auto address = reinterpret_cast<std::uintptr_t>(region.data());
  live_.emplace(address, region);
  live_bytes_ += bytes;
  return address;
}

void Memory::forget_oldest() {
  freed_bytes_ -= freed_.front().bytes;
  std::free(freed_.front().start);
  freed_.pop_front();
}

bool Memory::release(std::uintptr_t address) {
  const auto found = live_.find(address);
  if (found == live_.end()) {
    return false;
  }
  const Region region = found->second;
  live_.erase(found);
  live_bytes_ -= region.bytes;
  std::memset(region.data(), static_cast<int>(FREED), region.bytes);
  forbid(region.data(), region.bytes);
  freed_.push_back(region);
  freed_bytes_ += region.bytes;
  while (freed_.size() > MOST_KEPT || freed_bytes_ > MOST_KEPT_BYTES) {
    forget_oldest();
  }
  return true;
}

std::optional<Region> Memory::find(std::uintptr_t address, std::size_t bytes) const {
  const auto after = live_.upper_bound(address);
  if (after == live_.begin()) {
    return std::nullopt;
  }
  const auto& [start, region] = *std::prev(after);
  const std::size_t offset = address - start;
  const bool inside = offset <= region.bytes && bytes <= region.bytes - offset;
  return inside ? std::optional(region) : std::nullopt;
}

std::optional<std::string> Memory::damage() const {
  if (FORBIDS) {
    return std::nullopt;
  }
  for (const auto& [address, region] : live_) {
    if (auto found = damage_of(region)) {
      return found;
    }
  }
  for (const Region& region : freed_) {
    if (!all_are(region.data(), region.bytes, FREED)) {
      return "written to a freed " + described(region);
    }
  }
  return std::nullopt;
}

void Memory::abandon() {
  for (const auto& [address, region] : live_) {
    std::free(region.start);
  }
  live_.clear();
  live_bytes_ = 0;
  while (!freed_.empty()) {
    forget_oldest();
  }
}

void Memory::set_total(std::size_t bytes) { total_ = std::max(bytes, live_bytes_); }

}  // namespace coppice::emulator
