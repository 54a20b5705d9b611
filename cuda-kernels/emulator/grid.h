// Runs a grid: its blocks in shuffled order, several at once, each on an OS thread (block.h). So a
// kernel that counts on an order of blocks, or adds to global memory without an atomic, goes wrong.
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
  unsigned most_threads;
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

// How many blocks run at once. By default as many as there are processors, but 2 to 4.
void set_blocks_at_once(unsigned blocks);

// After how many milliseconds in which every thread slept a grid is given up.
void set_patience(unsigned milliseconds);

// In about how many writes to memory a thread loses its turn before one; 0: never. Only kernels that were
// compiled for it do (preemption.cpp).
void set_preemption(unsigned writes);

// Gives the kernel of that name among all that were compiled in, or null.
const Kernel* find_kernel(const std::string& name);

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

// `threads`: what its __launch_bounds__ allows a block.
#define COPPICE_KERNEL(name, threads)                                               \
  [[maybe_unused]] static const bool added_##name = coppice::emulator::add_kernel( \
      {#name, coppice::emulator::Call<name>::run,                                   \
       coppice::emulator::Call<name>::parameter_bytes, threads})

}  // namespace coppice::emulator
