// The emulator's own tests: that it runs correct kernels correctly and notices wrong ones.
#include <cstdio>
#include <numeric>
#include <vector>

#include "grid.h"
#include "memory.h"

namespace emulator = coppice::emulator;

namespace {

struct Parameters {
  unsigned* data;
  unsigned count;
};

int failures = 0;

void expect(bool held, const char* what) {
  if (!held) {
    failures++;
    std::fprintf(stderr, "FAILED: %s\n", what);
  }
}

std::optional<std::string> run(const char* kernel, unsigned* data, unsigned count, unsigned blocks,
                               unsigned threads, std::uint64_t seed = 1) {
  const Parameters parameters{data, count};
  return emulator::run_grid(
      {emulator::find_kernel(kernel), &parameters, {blocks}, {threads}, count * sizeof(unsigned)},
      seed);
}

bool reverses(const char* kernel, unsigned blocks, unsigned threads) {
  // Other numbers each time: static shared memory still holds the last run's.
  static unsigned base = 0;
  base += 10000;
  std::vector<unsigned> data(std::size_t{blocks} * threads);
  std::iota(data.begin(), data.end(), base);
  const auto problem = run(kernel, data.data(), 0, blocks, threads);
  for (unsigned i = 0; i < data.size() && !problem; i++) {
    if (data[i] != base + i / threads * threads + threads - 1 - i % threads) {
      return false;
    }
  }
  return !problem;
}

void notices_barriers_that_are_not_reached() {
  unsigned word = 0;
  expect(run("test_divergent_barrier", &word, 1, 1, 64).has_value(), "divergent barrier");
  std::vector<unsigned> data(32);
  expect(run("test_missing_lane", data.data(), 32, 1, 32).has_value(), "missing lane");
  expect(reverses("test_reverse", 2, 96), "a grid runs after one that failed");
}

void notices_forgotten_barriers() {
  for (const unsigned threads : {1U, 31U, 32U, 33U, 1024U}) {
    expect(reverses("test_reverse", 3, threads), "reverse");
  }
  expect(!reverses("test_reverse_without_barrier", 1, 64), "forgotten barrier between warps");
  expect(!reverses("test_reverse_without_barrier", 1, 32), "forgotten barrier within a warp");
}

void notices_writes_out_of_bounds() {
  unsigned word = 0;
  expect(run("test_write_past_shared", &word, 8, 1, 1).has_value(), "write past shared memory");
  const std::uintptr_t address = emulator::allocate(40);
  expect(!emulator::damage(), "fresh memory is whole");
  expect(!run("test_write_past_end", reinterpret_cast<unsigned*>(address), 10, 1, 1), "runs");
  expect(emulator::damage().has_value(), "write past an allocation");
  expect(emulator::release(address) && !emulator::release(address), "freed once");
  *reinterpret_cast<unsigned*>(address) = 3;
  expect(emulator::damage().has_value(), "write after free");
}

void exchanges_within_warps() {
  std::vector<unsigned> data(64);
  expect(!run("test_warp", data.data(), 64, 1, 64), "warp kernel runs");
  for (unsigned i = 0; i < data.size(); i++) {
    const unsigned lane = i % 32;
    const unsigned above = lane == 31 ? 31 : lane + 1;
    const unsigned below = lane == 0 ? 0 : lane - 1;
    expect(data[i] == 496 + 1 + 1000 * (above + below) + 100000 * (i - lane), "warp exchanges");
  }
}

void bounds_memory() {
  emulator::set_memory(1000);
  const std::uintptr_t first = emulator::allocate(600);
  expect(first != 0 && first % 256 == 0, "aligned");
  expect(emulator::allocate(600) == 0, "out of memory");
  expect(emulator::holds(first + 500, 100) && !emulator::holds(first + 500, 101), "ranges");
  expect(emulator::release(first) && emulator::usage().allocations == 0, "nothing left");
}

}  // namespace

int main() {
  notices_barriers_that_are_not_reached();
  notices_forgotten_barriers();
  notices_writes_out_of_bounds();
  exchanges_within_warps();
  bounds_memory();
  return failures == 0 ? 0 : 1;
}
