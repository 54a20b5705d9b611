#include "grid.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include "device.h"
#include "fiber.h"

thread_local uint4 coppice_shared[coppice::emulator::MOST_SHARED / sizeof(uint4)];

namespace coppice::emulator {
namespace {

constexpr std::size_t STACK_BYTES = 64 << 10;
constexpr std::byte POISON{0xA5};

enum class State { READY, AT_BARRIER, IN_EXCHANGE, ENDED, ASLEEP };

struct Thread {
  Fiber fiber;
  State state;
  uint3 index;
  unsigned linear;
  unsigned mask;        // of the exchange that it waits in
  std::uint64_t word;   // what it deposited there
};

struct Warp {
  std::array<std::uint64_t, WARP> words;
};

std::vector<Kernel>& kernels() {
  static std::vector<Kernel> all;
  return all;
}

// The block that runs. A plain object: one grid runs at a time.
struct Block {
  const Launch* launch;
  uint3 index;
  unsigned threads;
  std::array<Thread, MOST_THREADS> thread;
  std::array<Warp, MOST_THREADS / WARP> warp;
  Thread* current;
  Fiber scheduler;
  unsigned brought;  // to the barrier at which threads wait
  unsigned sum;      // of what was brought to the last one
};
Block block;
std::mutex one_grid;

std::byte* stacks() {
  static auto* const memory = static_cast<std::byte*>(
      mmap(nullptr, STACK_BYTES * MOST_THREADS, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return memory;
}

void leave(State state) {
  Thread& self = *block.current;
  self.state = state;
  switch_fiber(self.fiber, block.scheduler);
}

void run_thread() {
  block.launch->kernel->run(block.launch->parameters);
  leave(State::ENDED);
  __builtin_trap();  // An ended fiber is never resumed.
}

void begin_block(const uint3& index) {
  const dim3& extent = block.launch->block;
  block.index = index;
  block.brought = 0;
  block.threads = extent.x * extent.y * extent.z;
  for (unsigned i = 0; i < block.threads; i++) {
    Thread& thread = block.thread[i];
    thread.state = State::READY;
    thread.linear = i;
    thread.index = {i % extent.x, i / extent.x % extent.y, i / (extent.x * extent.y)};
    prepare(thread.fiber, stacks() + i * STACK_BYTES, STACK_BYTES, run_thread);
  }
  std::memset(coppice_shared, static_cast<int>(POISON), MOST_SHARED);
}

bool wrote_past_shared() {
  const auto* bytes = reinterpret_cast<const std::byte*>(coppice_shared);
  return std::any_of(bytes + block.launch->shared_bytes, bytes + MOST_SHARED,
                     [](std::byte b) { return b != POISON; });
}

// The lanes of a warp that exist, in a random order.
std::vector<unsigned> shuffled(unsigned count, std::mt19937_64& random) {
  std::vector<unsigned> order(count);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), random);
  return order;
}

bool resume_lanes(unsigned warp, std::mt19937_64& random) {
  bool ran = false;
  const unsigned lanes = std::min(WARP, block.threads - warp * WARP);
  for (const unsigned lane : shuffled(lanes, random)) {
    Thread& thread = block.thread[warp * WARP + lane];
    if (thread.state == State::READY) {
      ran = true;
      block.current = &thread;
      switch_fiber(block.scheduler, thread.fiber);
    }
  }
  return ran;
}

// Lets go the lanes whose whole mask waits, with the same mask. All lanes that can run have run, so
// nobody still reads what the last exchange left.
void finish_exchanges(unsigned warp) {
  const unsigned lanes = std::min(WARP, block.threads - warp * WARP);
  for (unsigned lane = 0; lane < lanes; lane++) {
    const Thread& first = block.thread[warp * WARP + lane];
    if (first.state != State::IN_EXCHANGE) {
      continue;
    }
    const unsigned mask = first.mask;
    bool complete = (mask >> lane & 1U) != 0;
    for (unsigned other = 0; other < WARP && complete; other++) {
      const Thread& thread = block.thread[warp * WARP + std::min(other, lanes - 1)];
      complete = (mask >> other & 1U) == 0 ||
                 (other < lanes && thread.state == State::IN_EXCHANGE && thread.mask == mask);
    }
    for (unsigned other = lane; other < lanes && complete; other++) {
      if ((mask >> other & 1U) != 0) {
        Thread& thread = block.thread[warp * WARP + other];
        block.warp[warp].words[other] = thread.word;
        thread.state = State::READY;
      }
    }
  }
}

std::string stuck() {
  std::array<unsigned, 5> in{};
  for (unsigned i = 0; i < block.threads; i++) {
    in[static_cast<std::size_t>(block.thread[i].state)]++;
  }
  const auto count = [&](State state) {
    return std::to_string(in[static_cast<std::size_t>(state)]);
  };
  return "block " + std::to_string(block.index.x) + " cannot go on: " + count(State::AT_BARRIER) +
         " threads wait at __syncthreads, " + count(State::IN_EXCHANGE) +
         " in a warp's exchange, " + count(State::ENDED) + " have ended";
}

template <typename Iterator>
bool wake(Iterator begin, Iterator end) {
  bool any = false;
  for (; begin != end; ++begin) {
    if (begin->state == State::ASLEEP) {
      begin->state = State::READY;
      any = true;
    }
  }
  return any;
}

std::optional<std::string> run_block(std::mt19937_64& random) {
  const unsigned warps = (block.threads + WARP - 1) / WARP;
  while (true) {
    for (const unsigned warp : shuffled(warps, random)) {
      while (resume_lanes(warp, random)) {
        finish_exchanges(warp);
      }
    }
    const auto begin = block.thread.begin();
    const auto end = begin + block.threads;
    const auto all = [&](State state) {
      return std::all_of(begin, end, [=](const Thread& t) { return t.state == state; });
    };
    if (wake(begin, end)) {
      continue;
    }
    if (all(State::ENDED)) {
      return wrote_past_shared()
                 ? std::optional("block " + std::to_string(block.index.x) +
                                 " wrote past its dynamic shared memory")
                 : std::nullopt;
    }
    if (!all(State::AT_BARRIER)) {
      return stuck();
    }
    std::for_each(begin, end, [](Thread& t) { t.state = State::READY; });
    block.sum = std::exchange(block.brought, 0);
  }
}

}  // namespace

std::optional<std::string> run_grid(const Launch& launch, std::uint64_t seed) {
  const std::scoped_lock lock(one_grid);
  if (stacks() == MAP_FAILED) {
    return "no memory for the fibers' stacks";
  }
  std::mt19937_64 random(seed);
  block.launch = &launch;
  for (unsigned z = 0; z < launch.grid.z; z++) {
    for (unsigned y = 0; y < launch.grid.y; y++) {
      for (unsigned x = 0; x < launch.grid.x; x++) {
        begin_block({x, y, z});
        if (auto problem = run_block(random)) {
          return problem;
        }
      }
    }
  }
  return std::nullopt;
}

const Kernel* find_kernel(const std::string& name) {
  const auto& all = kernels();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Kernel& k) { return name == k.name; });
  return found == all.end() ? nullptr : &*found;
}

bool add_kernel(const Kernel& kernel) {
  kernels().push_back(kernel);
  return true;
}

const uint3& current_thread() { return block.current->index; }
const uint3& current_block() { return block.index; }
const dim3& block_extent() { return block.launch->block; }
const dim3& grid_extent() { return block.launch->grid; }
int lane_index() { return static_cast<int>(block.current->linear % WARP); }

unsigned sync_block(unsigned brought) {
  block.brought += brought;
  leave(State::AT_BARRIER);
  return block.sum;
}

void sleep_thread() { leave(State::ASLEEP); }

const std::uint64_t* exchange(unsigned mask, std::uint64_t word) {
  Thread& self = *block.current;
  self.mask = mask;
  self.word = word;
  leave(State::IN_EXCHANGE);
  return block.warp[self.linear / WARP].words.data();
}

}  // namespace coppice::emulator
