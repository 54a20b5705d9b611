#include "memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>

namespace coppice::emulator {
namespace {

constexpr std::size_t GUARD = 256;  // The alignment that CUDA promises, too.
constexpr std::byte GUARDED{0xC4};
constexpr std::byte FRESH{0xCD};
constexpr std::byte FREED{0xDD};
// What is freed stays poisoned for a while, so that a write to it is noticed.
constexpr std::size_t MOST_KEPT = 64;
constexpr std::size_t MOST_KEPT_BYTES = 64 << 20;

struct Region {
  std::byte* start;  // of the guard before it
  std::size_t bytes;

  std::byte* data() const { return start + GUARD; }
};

struct Ledger {
  std::mutex mutex;
  std::map<std::uintptr_t, Region> live;
  std::deque<Region> freed;
  std::size_t live_bytes = 0;
  std::size_t freed_bytes = 0;
  std::size_t total = std::size_t{1} << 30;
};

// Never destroyed: the JVM may free memory while the process ends.
Ledger& ledger() {
  static auto* const it = new Ledger;
  return *it;
}

bool all_are(const std::byte* begin, std::size_t bytes, std::byte value) {
  return std::all_of(begin, begin + bytes, [=](std::byte b) { return b == value; });
}

std::string described(const Region& region) {
  return "allocation of " + std::to_string(region.bytes) + " bytes";
}

std::optional<std::string> damage(const Region& region) {
  if (!all_are(region.start, GUARD, GUARDED)) {
    return "written before an " + described(region);
  }
  if (!all_are(region.data() + region.bytes, GUARD, GUARDED)) {
    return "written past an " + described(region);
  }
  return std::nullopt;
}

void forget_oldest(Ledger& all) {
  all.freed_bytes -= all.freed.front().bytes;
  std::free(all.freed.front().start);
  all.freed.pop_front();
}

}  // namespace

std::uintptr_t allocate(std::size_t bytes) {
  Ledger& all = ledger();
  const std::scoped_lock lock(all.mutex);
  if (bytes > all.total - all.live_bytes) {
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
  const auto address = reinterpret_cast<std::uintptr_t>(region.data());
  all.live.emplace(address, region);
  all.live_bytes += bytes;
  return address;
}

bool release(std::uintptr_t address) {
  Ledger& all = ledger();
  const std::scoped_lock lock(all.mutex);
  const auto found = all.live.find(address);
  if (found == all.live.end()) {
    return false;
  }
  const Region region = found->second;
  all.live.erase(found);
  all.live_bytes -= region.bytes;
  std::memset(region.data(), static_cast<int>(FREED), region.bytes);
  all.freed.push_back(region);
  all.freed_bytes += region.bytes;
  while (all.freed.size() > MOST_KEPT || all.freed_bytes > MOST_KEPT_BYTES) {
    forget_oldest(all);
  }
  return true;
}

bool holds(std::uintptr_t address, std::size_t bytes) {
  Ledger& all = ledger();
  const std::scoped_lock lock(all.mutex);
  const auto after = all.live.upper_bound(address);
  if (after == all.live.begin()) {
    return false;
  }
  const auto& [start, region] = *std::prev(after);
  const std::size_t offset = address - start;
  return offset <= region.bytes && bytes <= region.bytes - offset;
}

std::optional<std::string> damage() {
  Ledger& all = ledger();
  const std::scoped_lock lock(all.mutex);
  for (const auto& [address, region] : all.live) {
    if (auto found = damage(region)) {
      return found;
    }
  }
  for (const Region& region : all.freed) {
    if (!all_are(region.data(), region.bytes, FREED)) {
      return "written to a freed " + described(region);
    }
  }
  return std::nullopt;
}

Usage usage() {
  Ledger& all = ledger();
  const std::scoped_lock lock(all.mutex);
  return {all.live.size(), all.live_bytes, all.total};
}

void abandon() {
  Ledger& all = ledger();
  const std::scoped_lock lock(all.mutex);
  for (const auto& [address, region] : all.live) {
    std::free(region.start);
  }
  all.live.clear();
  all.live_bytes = 0;
}

void set_memory(std::size_t bytes) {
  Ledger& all = ledger();
  const std::scoped_lock lock(all.mutex);
  all.total = std::max(bytes, all.live_bytes);
}

}  // namespace coppice::emulator
