// A block: its threads are fibers of one OS thread.
//
// A warp's lanes run in shuffled order, each up to its next synchronisation; then the next warp's, in
// shuffled order too. So a missing barrier shows as a wrong result. A synchronisation that some threads
// never reach is an error, not a hang.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fiber.h"
#include "grid.h"

namespace coppice::emulator {

constexpr std::size_t STACK_BYTES = 64 << 10;
constexpr std::size_t STACKS_BYTES = STACK_BYTES * MOST_THREADS;

struct Thread {
  Fiber fiber;
  uint3 index;
};

// A copy of 16 bytes into shared memory that goes on by itself; zeros for all but the first `bytes`.
struct Copy {
  void* shared;
  const void* global;
  unsigned bytes;
  unsigned group;

  void run() const;
};

// The copies of a thread. Some are done when they begin, the others when they are waited for, as both happens.
struct Copies {
  std::vector<Copy> pending;
  unsigned groups;  // that have ended
};

// Sets of lanes, and what they deposit for an exchange.
struct Warp {
  unsigned present;
  unsigned ready;
  unsigned exchanging;
  unsigned at_barrier;
  unsigned asleep;
  unsigned preempted;
  unsigned ended;
  std::array<unsigned, WARP> masks;
  std::array<std::uint64_t, WARP> deposited;
  std::array<std::uint64_t, WARP> words;  // of the last exchange
};

struct Random {
  std::uint64_t state;

  std::uint64_t operator()();
};

// An order of 32 things: turn after turn, first + turn * step modulo 32.
struct Order {
  unsigned first;
  unsigned step;  // odd
  unsigned turn;

  explicit Order(std::uint64_t random)
      : first(random & 31U), step((random >> 5 & 31U) | 1U), turn(0) {}
  bool goes_on() const { return turn < 32; }
  unsigned next() { return (first + step * turn++) & 31U; }
};

// Lies behind the stacks of its fibers, all aligned to twice their size, so that a fiber finds it by
// the address of its stack.
class Block {
 public:
  // Gives a block whose fibers the calling thread can run, or null for want of memory.
  static Block* make();

  // To be called by the thread that is going to run blocks of this launch.
  void adopt(const Launch& launch);

  // Makes every thread begin.
  void begin(const uint3& index, std::uint64_t seed);

  enum class Outcome { ENDED, WAITS, STUCK };
  // Runs all threads until they have ended, or all that can go on have called sleep_thread. WAITS is to
  // be answered by running again, after others had their turn.
  Outcome run();

  // Says whether a thread ended or a barrier was passed in the last run().
  bool went_on() const { return went_on_; }

  // Says what a thread gave up for, or how many threads wait where.
  std::string stuck() const;

  const Launch& launch() const { return *launch_; }
  const uint3& index() const { return index_; }
  Thread& thread(unsigned i) { return threads_[i]; }
  Warp& warp(unsigned i) { return warps_[i]; }

  // What the fibers call.
  void leave(unsigned thread, unsigned Warp::*state);
  unsigned sync(unsigned thread, unsigned brought);
  void give_up(unsigned thread, const char* why);

  void begin_copy(unsigned thread, Copy copy);
  void end_copies(unsigned thread) { copies_[thread].groups++; }
  void wait_for_copies(unsigned thread, unsigned pending);

  // Takes the thread's turn away once in about `interval` calls; 0: never.
  void count_write(unsigned thread, unsigned interval);

 private:
  Thread* next_lane();
  void run_warp(unsigned warp);
  void run_ready();
  bool wake(unsigned Warp::*state);
  bool all(unsigned Warp::*state) const;

  const Launch* launch_;
  uint3 index_;
  unsigned warp_count_;
  std::byte* stacks_;
  Random random_;
  Order lanes_{0};    // of the warp that runs
  unsigned running_;  // that warp
  unsigned writes_;   // until a thread loses its turn
  Fiber scheduler_;
  unsigned brought_;  // to the barrier at which threads wait
  unsigned sum_;      // of what was brought to the last one
  bool went_on_;
  const char* given_up_;  // why a thread did, or null
  std::array<Thread, MOST_THREADS> threads_;
  std::array<Warp, MOST_THREADS / WARP> warps_;
  std::array<Copies, MOST_THREADS> copies_;
};
static_assert(sizeof(Block) <= STACKS_BYTES);

// The block that the calling OS thread runs, or null. What is sure to be on a fiber calls own_block().
Block*& running_block();

inline std::uintptr_t own_stack() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}
inline Block& own_block() {
  return *reinterpret_cast<Block*>(own_stack() / (2 * STACKS_BYTES) * (2 * STACKS_BYTES) + STACKS_BYTES);
}
inline unsigned own_thread() {
  return static_cast<unsigned>(own_stack() / STACK_BYTES % MOST_THREADS);
}

// What device code sees of the fiber that it runs on.
inline const uint3& current_thread() { return own_block().thread(own_thread()).index; }
inline const uint3& current_block() { return own_block().index(); }
inline const dim3& block_extent() { return own_block().launch().block; }
inline const dim3& grid_extent() { return own_block().launch().grid; }
inline int lane_index() { return static_cast<int>(own_thread() % WARP); }

// Waits for every thread of the block; gives the sum of what they brought.
unsigned sync_block(unsigned brought);

// Lets all others run before the caller goes on.
void sleep_thread();

// Ends the grid with an error.
void give_up(const char* why);

// Deposits `word` and waits for the lanes of `mask`; gives what all 32 lanes deposited, valid up to the
// caller's next synchronisation.
const std::uint64_t* exchange(unsigned mask, std::uint64_t word);

}  // namespace coppice::emulator
