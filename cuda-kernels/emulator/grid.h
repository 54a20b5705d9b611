// Runs a grid: block after block, each thread of a block a fiber.
//
// A warp's lanes run in shuffled order, each up to its next synchronisation; then the next warp's, in
// shuffled order too. So a missing barrier shows as a wrong result. A synchronisation that some threads
// never reach is an error, not a hang.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "vector_types.h"

namespace coppice::emulator {

constexpr unsigned WARP = 32;
constexpr unsigned MOST_THREADS = 1024;
// What compute capability 9.0 lets a block opt in to.
constexpr std::size_t MOST_SHARED = 232448;

struct Kernel {
  const char* name;
  void (*run)(const void* parameters);
  std::size_t parameter_bytes;
};

struct Launch {
  const Kernel* kernel;
  const void* parameters;
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes;
};

// Runs the grid to its end, or gives what went wrong. One grid runs at a time.
std::optional<std::string> run_grid(const Launch& launch, std::uint64_t seed);

// Gives the kernel of that name among all that were compiled in, or null.
const Kernel* find_kernel(const std::string& name);

// What device code sees of the fiber that it runs on.
const uint3& current_thread();
const uint3& current_block();
const dim3& block_extent();
const dim3& grid_extent();
int lane_index();

// Waits for every thread of the block; gives the sum of what they brought.
unsigned sync_block(unsigned brought);

// Lets all others run before the caller goes on.
void sleep_thread();

// Deposits `word` and waits for the lanes of `mask`; gives what all 32 lanes deposited, valid up to the
// caller's next synchronisation.
const std::uint64_t* exchange(unsigned mask, std::uint64_t word);

bool add_kernel(const Kernel& kernel);

// Calls a kernel, which takes one struct, with the bytes of that struct.
template <auto F>
struct Call;
template <typename P, void (*F)(P)>
struct Call<F> {
  static constexpr std::size_t parameter_bytes = sizeof(P);
  static void run(const void* parameters) {
    P copy;
    __builtin_memcpy(&copy, parameters, sizeof(P));
    F(copy);
  }
};

#define COPPICE_KERNEL(name)                                                        \
  [[maybe_unused]] static const bool added_##name = coppice::emulator::add_kernel( \
      {#name, coppice::emulator::Call<name>::run, coppice::emulator::Call<name>::parameter_bytes})

}  // namespace coppice::emulator
