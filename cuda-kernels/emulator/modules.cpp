// The driver functions of modules and launches.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "calls.h"
#include "environment.h"
#include "grid.h"
#include "host_memory.h"
#include "state.h"

namespace emulator = coppice::emulator;

struct CUfunc_st {
  const emulator::Kernel* kernel;
  CUctx_st* context;
  int shared_bytes = 49152;  // the most that a launch may ask for
};

struct CUmod_st {
  std::string image;
  CUctx_st* context;
  std::map<std::string, std::unique_ptr<CUfunc_st>> functions;
};

namespace {

// An image is this line and then a line for each kernel.
constexpr char MAGIC[] = "coppice emulated kernels\n";

constexpr int REGISTERS = 32;  // A plausible number for every kernel.
constexpr int MOST_RESIDENT = 2048;  // Threads of a multiprocessor.

enum : int {
  THREADS_PER_BLOCK = 0,
  STATIC_SHARED = 1,
  CONSTANT_BYTES = 2,
  LOCAL_BYTES = 3,
  REGISTER_COUNT = 4,
  PTX_VERSION = 5,
  BINARY_VERSION = 6,
  DYNAMIC_SHARED = 8,
  CARVEOUT = 9,
};

std::uint64_t next_seed() {
  static std::mt19937_64 seeds(emulator::from_environment("COPPICE_EMULATOR_SEED", 1));
  return seeds();
}

int fail_launch(const emulator::Kernel& kernel, const std::string& problem, int code) {
  std::fprintf(stderr, "emulated driver: %s: %s\n", kernel.name, problem.c_str());
  return code;
}

// A launch that waits for its turn: its parameters are the ones of the time of the call.
struct PendingLaunch {
  const emulator::Kernel* kernel;
  CUctx_st* context;
  std::vector<std::byte> parameters;
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes;

  bool uses_another_device() const;
  int run() const;
};

// Says whether a parameter is an address in the memory of another device than the launch is for.
bool PendingLaunch::uses_another_device() const {
  for (std::size_t i = 0; i + sizeof(std::uintptr_t) <= parameters.size(); i += alignof(std::uintptr_t)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, parameters.data() + i, sizeof word);
    const CUcontext owner = emulator::owner(word, 1);
    if (owner != nullptr && owner != context) {
      return true;
    }
  }
  return false;
}

int PendingLaunch::run() const {
  if (uses_another_device()) {
    return fail_launch(*kernel, "given memory of another device", ILLEGAL_ADDRESS);
  }
  const emulator::Launch launch{kernel, parameters.data(), grid, block, shared_bytes};
  if (const auto problem = emulator::run_grid(launch, next_seed())) {
    return fail_launch(*kernel, *problem, LAUNCH_FAILED);
  }
  if (const auto problem = context->memory.damage()) {
    return fail_launch(*kernel, *problem, ILLEGAL_ADDRESS);
  }
  if (const auto problem = emulator::host_memory().damage()) {
    return fail_launch(*kernel, "pinned host memory: " + *problem, ILLEGAL_ADDRESS);
  }
  return SUCCESS;
}

// Reads the parameter block of CU_LAUNCH_PARAM_BUFFER_POINTER (1) and _SIZE (2), ended by a null.
const void* find_parameters(void** extra, std::size_t& bytes) {
  const void* block = nullptr;
  for (; extra != nullptr && *extra != nullptr; extra += 2) {
    if (reinterpret_cast<std::uintptr_t>(extra[0]) == 1) {
      block = extra[1];
    } else if (reinterpret_cast<std::uintptr_t>(extra[0]) == 2) {
      bytes = *static_cast<const std::size_t*>(extra[1]);
    }
  }
  return block;
}

bool is_possible(const PendingLaunch& launch, const CUfunction function) {
  const dim3& grid = launch.grid;
  const dim3& block = launch.block;
  const std::size_t threads = std::size_t{block.x} * block.y * block.z;
  return threads >= 1 && threads <= emulator::MOST_THREADS && block.z <= 64 && grid.x >= 1 &&
         grid.x <= INT32_MAX && grid.y >= 1 && grid.y <= 65535 && grid.z >= 1 && grid.z <= 65535 &&
         launch.shared_bytes <= static_cast<std::size_t>(function->shared_bytes);
}

}  // namespace

COPPICE_EXPORT CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  ENTER_CONTEXT("cuModuleLoadData")
  const auto* text = static_cast<const char*>(image);
  if (std::strncmp(text, MAGIC, sizeof MAGIC - 1) != 0) {
    return INVALID_IMAGE;
  }
  *module = emulator::state().give_out(CUmod_st{text + sizeof MAGIC - 2, emulator::current(), {}});
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuModuleUnload(CUmodule module) {
  ENTER("cuModuleUnload")
  return emulator::state().take_back(module);
}

COPPICE_EXPORT CUresult cuModuleGetFunction(CUfunction* function, CUmodule module,
                                            const char* name) {
  ENTER("cuModuleGetFunction")
  if (!emulator::state().has(module)) {
    return INVALID_HANDLE;
  }
  const emulator::Kernel* kernel = emulator::find_kernel(name);
  const bool named = module->image.find("\n" + std::string(name) + "\n") != std::string::npos;
  if (kernel == nullptr || !named) {
    return NOT_FOUND;
  }
  auto& made = module->functions[name];
  if (made == nullptr) {
    made = std::make_unique<CUfunc_st>(CUfunc_st{kernel, module->context});
  }
  *function = made.get();
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuFuncSetAttribute(CUfunction function, int which, int value) {
  ENTER("cuFuncSetAttribute")
  const auto most = static_cast<int>(emulator::state().shared_opt_in);
  if (which == CARVEOUT) {
    return SUCCESS;
  }
  if (which != DYNAMIC_SHARED || value < 0 || value > most) {
    return INVALID_VALUE;
  }
  function->shared_bytes = value;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuFuncGetAttribute(int* value, int which, CUfunction function) {
  ENTER("cuFuncGetAttribute")
  switch (which) {
    case THREADS_PER_BLOCK:
      *value = static_cast<int>(function->kernel->most_threads);
      return SUCCESS;
    case STATIC_SHARED:
    case CONSTANT_BYTES:
    case LOCAL_BYTES:
      *value = 0;
      return SUCCESS;
    case REGISTER_COUNT:
      *value = REGISTERS;
      return SUCCESS;
    case PTX_VERSION:
    case BINARY_VERSION:
      *value = 90;
      return SUCCESS;
    case DYNAMIC_SHARED:
      *value = function->shared_bytes;
      return SUCCESS;
    default:
      return INVALID_VALUE;
  }
}

// By threads, blocks, and the shared memory of which the system keeps 1024 bytes a block.
COPPICE_EXPORT CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction, int threads,
                                                                    std::size_t shared_bytes) {
  ENTER_CONTEXT("cuOccupancyMaxActiveBlocksPerMultiprocessor")
  if (threads < 1) {
    return INVALID_VALUE;
  }
  const int resident = (threads + 31) / 32 * 32;
  const std::size_t by_shared = (emulator::state().shared_opt_in + 1024) / (shared_bytes + 1024);
  *blocks = std::min({32, MOST_RESIDENT / resident, static_cast<int>(by_shared)});
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                                       unsigned grid_z, unsigned block_x, unsigned block_y,
                                       unsigned block_z, unsigned shared_bytes, CUstream handle,
                                       void** separate, void** extra) {
  ENTER_CONTEXT("cuLaunchKernel")
  CUstream_st* const stream = emulator::find_stream(handle);
  if (stream == nullptr || function->context != emulator::current()) {
    return INVALID_HANDLE;
  }
  std::size_t bytes = 0;
  const auto* parameters = static_cast<const std::byte*>(find_parameters(extra, bytes));
  if (separate != nullptr || parameters == nullptr || bytes != function->kernel->parameter_bytes) {
    return INVALID_VALUE;
  }
  const PendingLaunch launch{function->kernel,
                             function->context,
                             {parameters, parameters + bytes},
                             {grid_x, grid_y, grid_z},
                             {block_x, block_y, block_z},
                             shared_bytes};
  if (!is_possible(launch, function)) {
    return INVALID_VALUE;
  }
  if (block_x * block_y * block_z > function->kernel->most_threads) {
    return LAUNCH_OUT_OF_RESOURCES;
  }
  emulator::count_launch(function->kernel->name);
  stream->add("cuLaunchKernel", [launch] { return launch.run(); });
  return SUCCESS;
}
