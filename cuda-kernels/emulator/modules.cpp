// The driver functions of modules and launches.
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>

#include "calls.h"
#include "device_state.h"
#include "driver.h"
#include "grid.h"
#include "memory.h"

namespace emulator = coppice::emulator;

struct CUfunc_st {
  const emulator::Kernel* kernel;
  int shared_bytes = 49152;  // the most that a launch may ask for
};

struct CUmod_st {
  std::string image;
  std::map<std::string, std::unique_ptr<CUfunc_st>> functions;
};

namespace {

// An image is this line and then a line for each kernel.
constexpr char MAGIC[] = "coppice emulated kernels\n";

std::mutex modules;

std::uint64_t next_seed() {
  static std::mutex mutex;
  static std::mt19937_64 seeds = [] {
    const char* text = std::getenv("COPPICE_EMULATOR_SEED");
    return std::mt19937_64(text == nullptr ? 1 : std::strtoull(text, nullptr, 10));
  }();
  const std::scoped_lock lock(mutex);
  return seeds();
}

int fail_launch(const CUfunction function, const std::string& problem, int code) {
  std::fprintf(stderr, "emulated driver: %s: %s\n", function->kernel->name, problem.c_str());
  return emulator::poison(code);
}

// Reads the parameter block of CU_LAUNCH_PARAM_BUFFER_POINTER (1) and _SIZE (2), ended by a null.
const void* parameters(void** extra, std::size_t& bytes) {
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

bool is_possible(const emulator::Launch& launch, const CUfunction function) {
  const std::size_t threads = std::size_t{launch.block.x} * launch.block.y * launch.block.z;
  const std::size_t blocks = std::size_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  return threads >= 1 && threads <= emulator::MOST_THREADS && blocks >= 1 &&
         launch.shared_bytes <= static_cast<std::size_t>(function->shared_bytes);
}

}  // namespace

COPPICE_EXPORT CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  if (const int code = emulator::enter("cuModuleLoadData"); code) {
    return code;
  }
  const auto* text = static_cast<const char*>(image);
  if (std::strncmp(text, MAGIC, sizeof MAGIC - 1) != 0) {
    return INVALID_IMAGE;
  }
  *module = new CUmod_st{text + sizeof MAGIC - 2, {}};
  emulator::device().handles++;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuModuleUnload(CUmodule module) {
  if (const int code = emulator::enter("cuModuleUnload"); code) {
    return code;
  }
  delete module;
  emulator::device().handles--;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuModuleGetFunction(CUfunction* function, CUmodule module,
                                            const char* name) {
  if (const int code = emulator::enter("cuModuleGetFunction"); code) {
    return code;
  }
  const emulator::Kernel* kernel = emulator::find_kernel(name);
  const bool named = module->image.find("\n" + std::string(name) + "\n") != std::string::npos;
  if (kernel == nullptr || !named) {
    return NOT_FOUND;
  }
  const std::scoped_lock lock(modules);
  auto& made = module->functions[name];
  if (made == nullptr) {
    made = std::make_unique<CUfunc_st>(CUfunc_st{kernel});
  }
  *function = made.get();
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuFuncSetAttribute(CUfunction function, int which, int value) {
  if (const int code = emulator::enter("cuFuncSetAttribute"); code) {
    return code;
  }
  // 8: the most dynamic shared memory.
  const auto most = static_cast<int>(emulator::device().shared_opt_in.load());
  if (which != 8 || value < 0 || value > most) {
    return INVALID_VALUE;
  }
  function->shared_bytes = value;
  return SUCCESS;
}

COPPICE_EXPORT CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y,
                                       unsigned grid_z, unsigned block_x, unsigned block_y,
                                       unsigned block_z, unsigned shared_bytes, CUstream,
                                       void** separate, void** extra) {
  if (const int code = emulator::enter("cuLaunchKernel"); code) {
    return code;
  }
  std::size_t bytes = 0;
  const void* block = parameters(extra, bytes);
  const emulator::Launch launch{function->kernel,
                                block,
                                {grid_x, grid_y, grid_z},
                                {block_x, block_y, block_z},
                                shared_bytes};
  if (separate != nullptr || block == nullptr || bytes != function->kernel->parameter_bytes ||
      !is_possible(launch, function)) {
    return INVALID_VALUE;
  }
  if (const auto problem = emulator::run_grid(launch, next_seed())) {
    return fail_launch(function, *problem, LAUNCH_FAILED);
  }
  if (const auto problem = emulator::damage()) {
    return fail_launch(function, *problem, ILLEGAL_ADDRESS);
  }
  return SUCCESS;
}
