#include "grid.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "block.h"
#include "device.h"
#include "environment.h"
#include "workers.h"

// Followed by a guard, so that a block that was given all of it is watched too.
thread_local uint4 coppice_shared[(coppice::emulator::MOST_SHARED + 4096) / sizeof(uint4)];

namespace coppice::emulator {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned MOST_AT_ONCE = 64;
constexpr std::size_t GUARD_BYTES = 4096;
constexpr std::byte POISON{0xA5};

std::vector<Kernel>& kernels() {
  static std::vector<Kernel> all;
  return all;
}

struct Settings {
  std::atomic<unsigned> at_once{static_cast<unsigned>(from_environment(
      "COPPICE_EMULATOR_BLOCKS", std::clamp(std::thread::hardware_concurrency(), 2U, 4U)))};
  std::atomic<unsigned> patience{
      static_cast<unsigned>(from_environment("COPPICE_EMULATOR_PATIENCE", 5000))};
};

Settings& settings() {
  static Settings all;
  return all;
}

// Gives the numbers below `count`, each once, in an order that the seed decides.
class Permutation {
 public:
  Permutation(std::uint64_t count, Random& random)
      : count_(count), first_(random() % count), step_(random() % count) {
    while (std::gcd(step_, count_) != 1) {
      step_++;
    }
  }

  std::uint64_t operator[](std::uint64_t i) const {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(i) * step_ + first_) % count_);
  }

 private:
  std::uint64_t count_;
  std::uint64_t first_;
  std::uint64_t step_;
};

std::byte* shared_memory() { return reinterpret_cast<std::byte*>(coppice_shared); }

void poison(std::size_t begin, std::size_t bytes) {
  std::memset(shared_memory() + begin, static_cast<int>(POISON), bytes);
}

bool is_poison(std::size_t begin, std::size_t bytes) {
  const std::byte* first = shared_memory() + begin;
  return *first == POISON && std::memcmp(first, first + 1, bytes - 1) == 0;
}

class Grid {
 public:
  Grid(const Launch& launch, std::uint64_t seed)
      : launch_(launch),
        random_{seed},
        seed_(random_()),
        blocks_(std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z),
        order_(blocks_, random_) {}

  std::optional<std::string> run() {
    const std::uint64_t at_once =
        std::clamp<std::uint64_t>(settings().at_once, 1, std::min<std::uint64_t>(blocks_, MOST_AT_ONCE));
    run_with_others(static_cast<unsigned>(at_once - 1), [this] { take_blocks(); });
    return problem_;
  }

 private:
  void take_blocks() {
    // Kept for the next grid: one runs at a time.
    static std::array<Block*, MOST_AT_ONCE> kept{};
    Block*& block = kept[participants_++];
    if (block == nullptr && (block = Block::make()) == nullptr) {
      return fail("no memory for the fibers' stacks");
    }
    working_++;
    block->adopt(launch_);
    running_block() = block;
    // Only the guard and what the launch asked for are looked after for each block.
    poison(0, sizeof coppice_shared);
    for (std::uint64_t i = next_++; i < blocks_ && !failed_; i = next_++) {
      run_block(*block, order_[i]);
    }
    if (!is_poison(launch_.shared_bytes, sizeof coppice_shared - launch_.shared_bytes)) {
      fail("a block wrote past its dynamic shared memory");
    }
    running_block() = nullptr;
    working_--;
  }

  void run_block(Block& block, std::uint64_t number) {
    const dim3& extent = launch_.grid;
    const std::uint64_t row = number / extent.x;
    poison(0, launch_.shared_bytes);
    block.begin({static_cast<unsigned>(number % extent.x), static_cast<unsigned>(row % extent.y),
                 static_cast<unsigned>(row / extent.y)},
                seed_ ^ number * 0x9E3779B97F4A7C15U);
    const std::string name = "block " + std::to_string(number);
    Block::Outcome outcome = block.run();
    for (Wait wait; outcome == Block::Outcome::WAITS && !failed_; outcome = block.run()) {
      if (!may_wait(wait, block.went_on())) {
        fail(name + " and all that run with it wait for each other in __nanosleep: " + block.stuck());
      }
    }
    if (outcome == Block::Outcome::STUCK) {
      fail(name + " cannot go on: " + block.stuck());
    } else if (!is_poison(launch_.shared_bytes, GUARD_BYTES)) {
      fail(name + " wrote past its dynamic shared memory");
    }
  }

  // How long a block has been waiting; while it does, it counts among those that wait.
  struct Wait {
    std::atomic<unsigned>* waiting = nullptr;
    unsigned turns = 0;
    std::uint64_t steps = 0;
    Clock::time_point since{};

    ~Wait() { end(); }
    void end() {
      if (waiting != nullptr) {
        (*waiting)--;
        waiting = nullptr;
      }
    }
  };

  // Gives false where all blocks that run have waited for too long.
  bool may_wait(Wait& wait, bool went_on) {
    if (went_on) {
      steps_++;
      wait.end();
      wait.turns = 0;
      return true;
    }
    const auto now = Clock::now();
    if (wait.waiting == nullptr) {
      wait.waiting = &waiting_;
      waiting_++;
      wait.since = now;
    }
    const std::uint64_t steps = steps_;
    if (waiting_ < working_ || steps != wait.steps) {
      wait.steps = steps;
      wait.since = now;
    }
    if (++wait.turns < 16) {
      std::this_thread::yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    return now - wait.since < std::chrono::milliseconds(settings().patience);
  }

  void fail(const std::string& problem) {
    const std::scoped_lock lock(mutex_);
    if (!failed_) {
      problem_ = problem;
      failed_ = true;
    }
  }

  const Launch& launch_;
  Random random_;
  const std::uint64_t seed_;
  const std::uint64_t blocks_;
  const Permutation order_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<unsigned> participants_{0};
  std::atomic<unsigned> working_{0};
  std::atomic<unsigned> waiting_{0};
  std::atomic<std::uint64_t> steps_{0};  // that blocks which had waited made
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::optional<std::string> problem_;
};

}  // namespace

std::optional<std::string> run_grid(const Launch& launch, std::uint64_t seed) {
  static std::mutex one_grid;
  const std::scoped_lock lock(one_grid);
  return Grid(launch, seed).run();
}

void set_blocks_at_once(unsigned blocks) { settings().at_once = blocks; }

void set_patience(unsigned milliseconds) { settings().patience = milliseconds; }

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

}  // namespace coppice::emulator
