#include "block.h"

#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include <bit>
#include <cstring>
#include <new>
#include <utility>

namespace coppice::emulator {
namespace {

void run_thread() {
  arrive();
  Block& block = own_block();
  block.launch().kernel->run(block.launch().parameters);
  block.leave(own_thread(), &Warp::ended);
  __builtin_trap();  // An ended fiber is never resumed.
}

// Lets go the lanes whose whole mask waits, with the same mask. All lanes that can run have run, so
// nobody still reads what the last exchange left.
void finish_exchanges(Warp& warp) {
  for (unsigned pending = warp.exchanging; pending != 0;) {
    const auto lane = static_cast<unsigned>(std::countr_zero(pending));
    const unsigned mask = warp.masks[lane];
    unsigned agreed = 0;
    for (unsigned rest = mask & warp.exchanging; rest != 0; rest &= rest - 1) {
      const auto other = static_cast<unsigned>(std::countr_zero(rest));
      agreed |= warp.masks[other] == mask ? 1U << other : 0U;
    }
    if (agreed == mask && (mask >> lane & 1U) != 0) {
      for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
        const auto other = static_cast<unsigned>(std::countr_zero(rest));
        warp.words[other] = warp.deposited[other];
      }
      warp.exchanging &= ~mask;
      warp.ready |= mask;
    }
    pending &= ~agreed & ~(1U << lane);
  }
}

}  // namespace

std::uint64_t Random::operator()() {  // splitmix64
  std::uint64_t z = state += 0x9E3779B97F4A7C15U;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27) * 0x94D049BB133111EBU;
  return z ^ z >> 31;
}

Block* Block::make() {
  constexpr std::size_t size = 2 * STACKS_BYTES;
  void* mapped = mmap(nullptr, 2 * size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    return nullptr;
  }
  auto* stacks = reinterpret_cast<std::byte*>(
      (reinterpret_cast<std::uintptr_t>(mapped) + size - 1) / size * size);
  auto* block = new (stacks + STACKS_BYTES) Block;
  block->stacks_ = stacks;
#ifdef __SANITIZE_ADDRESS__
  // Blocks are kept to the end; what they hold is looked for in memory of the heap alone.
  __lsan_register_root_region(block, sizeof(Block));
#endif
  return block;
}

void Block::adopt(const Launch& launch) {
  launch_ = &launch;
  adopt_thread(scheduler_);
  const dim3& extent = launch.block;
  const unsigned threads = extent.x * extent.y * extent.z;
  warp_count_ = (threads + WARP - 1) / WARP;
  for (unsigned i = 0; i < warp_count_; i++) {
    const unsigned lanes = threads - i * WARP;
    warps_[i].present = lanes >= WARP ? ~0U : (1U << lanes) - 1;
  }
  for (unsigned i = 0; i < threads; i++) {
    threads_[i].index = {i % extent.x, i / extent.x % extent.y, i / (extent.x * extent.y)};
  }
}

void Block::begin(const uint3& index, std::uint64_t seed) {
  index_ = index;
  random_.state = seed;
  brought_ = 0;
  given_up_ = nullptr;
  writes_ = 0;
  for (unsigned i = 0; i < warp_count_; i++) {
    Warp& warp = warps_[i];
    warp.ready = warp.present;
    warp.exchanging = warp.at_barrier = warp.asleep = warp.preempted = warp.ended = 0;
    for (unsigned rest = warp.present; rest != 0; rest &= rest - 1) {
      const unsigned thread = i * WARP + static_cast<unsigned>(std::countr_zero(rest));
      // Tops at the same place of every stack would all fall into the same few lines of the cache.
      const std::size_t bytes = STACK_BYTES - thread % 16 * 256;
      copies_[thread].pending.clear();
      copies_[thread].groups = 0;
      prepare(threads_[thread].fiber, stacks_ + thread * STACK_BYTES, bytes, run_thread);
    }
  }
}

// Gives the next ready lane of the warp that runs, or null where each had its turn.
Thread* Block::next_lane() {
  Warp& warp = warps_[running_];
  while (warp.ready != 0 && lanes_.goes_on()) {
    const unsigned lane = lanes_.next();
    if ((warp.ready >> lane & 1U) != 0) {
      warp.ready &= ~(1U << lane);
      return &threads_[running_ * WARP + lane];
    }
  }
  return nullptr;
}

// Goes straight to the next lane: half the switches of going through the scheduler.
void Block::leave(unsigned thread, unsigned Warp::*state) {
  warps_[thread / WARP].*state |= 1U << thread % WARP;
  Thread* next = next_lane();
  switch_fiber(threads_[thread].fiber, next == nullptr ? scheduler_ : next->fiber);
}

unsigned Block::sync(unsigned thread, unsigned brought) {
  brought_ += brought;
  leave(thread, &Warp::at_barrier);
  return sum_;
}

// In no set of its warp's lanes: the block can neither end nor pass a barrier.
void Block::give_up(unsigned thread, const char* why) {
  given_up_ = why;
  switch_fiber(threads_[thread].fiber, scheduler_);
}

void Block::run_warp(unsigned warp) {
  running_ = warp;
  const unsigned ended = warps_[warp].ended;
  while (warps_[warp].ready != 0) {
    lanes_ = Order(random_());
    if (Thread* first = next_lane(); first != nullptr) {
      switch_fiber(scheduler_, first->fiber);
    }
    finish_exchanges(warps_[warp]);
  }
  went_on_ |= warps_[warp].ended != ended;
}

void Block::run_ready() {
  for (Order order(random_()); order.goes_on();) {
    const unsigned warp = order.next();
    if (warp < warp_count_ && warps_[warp].ready != 0) {
      run_warp(warp);
    }
  }
}

void Block::count_write(unsigned thread, unsigned interval) {
  if (writes_-- == 0) {
    writes_ = interval == 0 ? ~0U : static_cast<unsigned>(random_() % (2 * interval));
    if (interval != 0) {
      leave(thread, &Warp::preempted);
    }
  }
}

void Copy::run() const {
  std::memset(shared, 0, 16);
  std::memcpy(shared, global, bytes);
}

void Block::begin_copy(unsigned thread, Copy copy) {
  copy.group = copies_[thread].groups;
  if (random_() % 2 == 0) {
    copy.run();
  } else {
    copies_[thread].pending.push_back(copy);
  }
}

void Block::wait_for_copies(unsigned thread, unsigned pending) {
  Copies& copies = copies_[thread];
  std::erase_if(copies.pending, [&](const Copy& copy) {
    const bool due = copy.group + pending < copies.groups;
    if (due) {
      copy.run();
    }
    return due;
  });
}

bool Block::wake(unsigned Warp::*state) {
  unsigned any = 0;
  for (unsigned i = 0; i < warp_count_; i++) {
    Warp& warp = warps_[i];
    any |= warp.*state;
    warp.ready |= std::exchange(warp.*state, 0);
  }
  return any != 0;
}

bool Block::all(unsigned Warp::*state) const {
  for (unsigned i = 0; i < warp_count_; i++) {
    if (warps_[i].*state != warps_[i].present) {
      return false;
    }
  }
  return true;
}

Block::Outcome Block::run() {
  went_on_ = false;
  while (true) {
    run_ready();
    if (given_up_ != nullptr) {
      return Outcome::STUCK;
    }
    if (wake(&Warp::preempted)) {
      continue;
    }
    if (wake(&Warp::asleep)) {
      return Outcome::WAITS;
    }
    if (all(&Warp::ended)) {
      return Outcome::ENDED;
    }
    if (!all(&Warp::at_barrier)) {
      return Outcome::STUCK;
    }
    for (unsigned i = 0; i < warp_count_; i++) {
      warps_[i].ready = std::exchange(warps_[i].at_barrier, 0);
    }
    sum_ = std::exchange(brought_, 0);
    went_on_ = true;
  }
}

std::string Block::stuck() const {
  if (given_up_ != nullptr) {
    return given_up_;
  }
  int at_barrier = 0;
  int exchanging = 0;
  int ended = 0;
  for (unsigned i = 0; i < warp_count_; i++) {
    at_barrier += std::popcount(warps_[i].at_barrier);
    exchanging += std::popcount(warps_[i].exchanging);
    ended += std::popcount(warps_[i].ended);
  }
  return std::to_string(at_barrier) + " threads wait at __syncthreads, " +
         std::to_string(exchanging) + " in a warp's exchange, " + std::to_string(ended) +
         " have ended";
}

Block*& running_block() {
  thread_local Block* block = nullptr;
  return block;
}

unsigned sync_block(unsigned brought) { return own_block().sync(own_thread(), brought); }

void give_up(const char* why) { own_block().give_up(own_thread(), why); }

void sleep_thread() { own_block().leave(own_thread(), &Warp::asleep); }

const std::uint64_t* exchange(unsigned mask, std::uint64_t word) {
  const unsigned thread = own_thread();
  Warp& warp = own_block().warp(thread / WARP);
  warp.masks[thread % WARP] = mask;
  warp.deposited[thread % WARP] = word;
  own_block().leave(thread, &Warp::exchanging);
  return warp.words.data();
}

}  // namespace coppice::emulator
