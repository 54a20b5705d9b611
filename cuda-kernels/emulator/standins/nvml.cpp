// The functions of NVML that Coppice calls. Its devices are the emulated driver's, found by their PCI bus.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "stand_in.h"

using namespace coppice::standins;

struct nvmlDevice_st {};

namespace {

enum : int { UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_FOUND = 6, GPU_IS_LOST = 15 };

// A device's counter begins at so much for each number of its bus. It goes up by so much for each operation that a
// stream of any device has run, after several of them at once.
constexpr std::uint64_t BUS_MILLIJOULES = 1'000'000;
constexpr std::uint64_t OPERATION_MILLIJOULES = 30;
constexpr std::uint64_t OPERATIONS_A_STEP = 4;

struct Library {};

std::array<nvmlDevice_st, 8> devices;
Library* library = nullptr;  // while it is initialised
int users = 0;

// Resets of the emulated driver forget what it has given out.
bool is_initialised() { return library != nullptr && has(library); }

bool is_device(const nvmlDevice_st* device) { return device >= devices.data() && device < devices.data() + devices.size(); }

}  // namespace

#define REQUIRE_DEVICE(device)               \
  REQUIRE(is_initialised(), UNINITIALIZED)   \
  REQUIRE(is_device(device), INVALID_ARGUMENT)

COPPICE_EXPORT int nvmlInit_v2() {
  ENTER("nvmlInit", GPU_IS_LOST)
  if (!is_initialised()) {
    library = make<Library>();
    users = 0;
  }
  users++;
  return OK;
}

COPPICE_EXPORT int nvmlShutdown() {
  ENTER("nvmlShutdown", GPU_IS_LOST)
  REQUIRE(is_initialised(), UNINITIALIZED)
  users--;
  if (users == 0) {
    take_back(library);
    library = nullptr;
  }
  return OK;
}

COPPICE_EXPORT int nvmlDeviceGetHandleByPciBusId_v2(const char* id, nvmlDevice_st** device) {
  ENTER("nvmlDeviceGetHandleByPciBusId", GPU_IS_LOST)
  REQUIRE(is_initialised(), UNINITIALIZED)
  REQUIRE(id != nullptr && device != nullptr, INVALID_ARGUMENT)
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned slot = 0;
  unsigned function = 0;
  REQUIRE(std::sscanf(id, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4, INVALID_ARGUMENT)
  REQUIRE(domain == 0 && slot == 0 && function == 0 && bus >= 1 && bus <= devices.size(), NOT_FOUND)
  *device = &devices[bus - 1];
  return OK;
}

COPPICE_EXPORT int nvmlDeviceGetMigMode(nvmlDevice_st* device, unsigned* current, unsigned* pending) {
  ENTER("nvmlDeviceGetMigMode", GPU_IS_LOST)
  REQUIRE_DEVICE(device)
  REQUIRE(current != nullptr && pending != nullptr, INVALID_ARGUMENT)
  const unsigned enabled = std::getenv("COPPICE_STAND_IN_MIG") != nullptr;
  *current = enabled;
  *pending = enabled;
  return OK;
}

COPPICE_EXPORT int nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_st* device, unsigned long long* millijoules) {
  ENTER("nvmlDeviceGetTotalEnergyConsumption", GPU_IS_LOST)
  REQUIRE_DEVICE(device)
  REQUIRE(millijoules != nullptr, INVALID_ARGUMENT)
  const auto bus = static_cast<std::uint64_t>(device - devices.data()) + 1;
  const std::uint64_t counted = operations() / OPERATIONS_A_STEP * OPERATIONS_A_STEP;
  *millijoules = bus * BUS_MILLIJOULES + counted * OPERATION_MILLIJOULES;
  return OK;
}
