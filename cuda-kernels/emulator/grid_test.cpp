// The emulator's own tests: that it runs correct kernels correctly and notices wrong ones.
#include "grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

namespace emulator = coppice::emulator;

namespace {

struct Parameters {
  unsigned* data;
  unsigned count;
};

using Problem = std::optional<std::string>;

Problem run(const char* kernel, std::vector<unsigned>& data, unsigned count, unsigned blocks,
            unsigned threads, std::size_t shared_bytes = 0, std::uint64_t seed = 1) {
  const Parameters parameters{data.data(), count};
  return emulator::run_grid(
      {emulator::find_kernel(kernel), &parameters, {blocks}, {threads}, shared_bytes}, seed);
}

bool reverses(const char* kernel, unsigned blocks, unsigned threads) {
  // Other numbers each time: static shared memory still holds the last run's.
  static unsigned base = 0;
  base += 10000;
  std::vector<unsigned> data(std::size_t{blocks} * threads);
  std::iota(data.begin(), data.end(), base);
  const Problem problem = run(kernel, data, 0, blocks, threads);
  for (unsigned i = 0; i < data.size() && !problem; i++) {
    if (data[i] != base + i / threads * threads + threads - 1 - i % threads) {
      return false;
    }
  }
  return !problem;
}

TEST(Grid, NoticesBarriersThatAreNotReachedAndRunsTheNextGrid) {
  std::vector<unsigned> data(32);
  const Problem divergent = run("test_divergent_barrier", data, 1, 1, 64);
  ASSERT_TRUE(divergent);
  EXPECT_EQ(*divergent,
            "block 0 cannot go on: 32 threads wait at __syncthreads, 0 in a warp's exchange, 32 have ended");
  const Problem missing = run("test_missing_lane", data, 32, 1, 32);
  ASSERT_TRUE(missing);
  EXPECT_NE(missing->find("31 in a warp's exchange, 1 have ended"), std::string::npos) << *missing;
  EXPECT_TRUE(reverses("test_reverse", 2, 96));
}

TEST(Grid, ATrapAndAnAssumptionThatDoesNotHoldEndIt) {
  std::vector<unsigned> data(1);
  const Problem trapped = run("test_trap", data, 0, 1, 64);
  ASSERT_TRUE(trapped);
  EXPECT_EQ(*trapped, "block 0 cannot go on: a thread called __trap");
  const Problem wrong = run("test_assume", data, 31, 1, 32);
  ASSERT_TRUE(wrong);
  EXPECT_EQ(*wrong, "block 0 cannot go on: an assumption does not hold: p.count > threadIdx.x");
  EXPECT_FALSE(run("test_assume", data, 32, 1, 32));
}

TEST(Grid, CopiesAreThereWhenTheyWereWaitedFor) {
  alignas(16) static unsigned words[256];
  const auto missing = [&](unsigned pending, std::uint64_t seed) {
    std::vector<unsigned> expected(256);
    for (unsigned i = 0; i < 256; i++) {
      words[i] = i + 1;
      expected[i] = i % 4 < i / 4 % 32 % 5 ? i + 1 : 0;
    }
    const Parameters parameters{words, pending};
    EXPECT_FALSE(emulator::run_grid({emulator::find_kernel("test_copies"), &parameters, {1}, {32}, 1024}, seed));
    return !std::equal(expected.begin(), expected.end(), words);
  };
  for (std::uint64_t seed = 1; seed < 5; seed++) {
    EXPECT_FALSE(missing(0, seed));
    EXPECT_TRUE(missing(1, seed));
  }
}

TEST(Grid, NoticesPositionsThatAreNotInOrder) {
  std::vector<unsigned> data(32);
  EXPECT_FALSE(run("test_positions", data, 0x44444444, 1, 32));
  const Problem problem = run("test_positions", data, 0x44445444, 1, 32);
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->find("not in ascending order"), std::string::npos) << *problem;
}

TEST(Grid, NoticesForgottenBarriers) {
  for (const unsigned threads : {1U, 31U, 32U, 33U, 1024U}) {
    EXPECT_TRUE(reverses("test_reverse", 30, threads)) << threads;
  }
  EXPECT_FALSE(reverses("test_reverse_without_barrier", 1, 64));
  EXPECT_FALSE(reverses("test_reverse_without_barrier", 1, 32));
}

TEST(Grid, NoticesWritesPastSharedMemory) {
  std::vector<unsigned> data(1);
  const auto write = [&](unsigned at, std::size_t bytes) {
    return run("test_write_past_shared", data, at, 1, 1, bytes).has_value();
  };
  EXPECT_FALSE(write(7, 32));
  EXPECT_TRUE(write(8, 32)) << "just past it";
  EXPECT_TRUE(write(40000, 32)) << "far past it";
  EXPECT_TRUE(write(emulator::MOST_SHARED / 4, emulator::MOST_SHARED)) << "past the most there can be";
}

TEST(Grid, ExchangesWithinWarps) {
  std::vector<unsigned> data(64);
  ASSERT_FALSE(run("test_warp", data, 64, 1, 64));
  for (unsigned i = 0; i < data.size(); i++) {
    const unsigned lane = i % 32;
    const unsigned above = lane == 31 ? 31 : lane + 1;
    const unsigned below = lane == 0 ? 0 : lane - 1;
    EXPECT_EQ(data[i], 496 + 1 + 1000 * (above + below) + 100000 * (i - lane)) << i;
  }
}

TEST(Grid, VotesMatchesAndReduces) {
  std::vector<unsigned> data(12 * 64);
  ASSERT_FALSE(run("test_votes", data, 0, 1, 64));
  const unsigned matches[] = {0x49249249, 0x92492492, 0x24924924};
  for (unsigned i = 0; i < 64; i++) {
    const unsigned lane = i % 32;
    const std::vector<unsigned> row(data.begin() + 12 * i, data.begin() + 12 * (i + 1));
    EXPECT_EQ(row, (std::vector<unsigned>{matches[lane % 3], 496, 5, 36, 0xFFFF, 1, 0, 16, 1, 0, 16,
                                          lane < 16 ? 3U : 19U}))
        << i;
  }
}

TEST(Grid, ComputesWithWordsAsADeviceDoes) {
  std::vector<unsigned> data{7, 2, 1, 3, 1, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  ASSERT_FALSE(run("test_words", data, 0, 1, 1));
  EXPECT_EQ(data, (std::vector<unsigned>{3, 3, 5, 2, 4, 9, 8, 2, 3, 3, 0xC0000001, 63441, 6408,
                                         0x77441122, 3 + 0x80000001, 0, 13}));
}

TEST(Grid, RunsEachBlockOnceInAnOrderThatTheSeedDecides) {
  emulator::set_blocks_at_once(1);
  std::vector<std::vector<unsigned>> orders;
  for (const std::uint64_t seed : {1U, 2U, 1U}) {
    std::vector<unsigned> data(101);
    ASSERT_FALSE(run("test_order", data, 0, 100, 1, 0, seed));
    orders.emplace_back(data.begin() + 1, data.end());
  }
  emulator::set_blocks_at_once(3);
  EXPECT_EQ(orders[0], orders[2]);
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_FALSE(std::is_sorted(orders[0].begin(), orders[0].end()));
  std::sort(orders[0].begin(), orders[0].end());
  for (unsigned i = 0; i < 100; i++) {
    EXPECT_EQ(orders[0][i], i);
  }
}

TEST(Grid, RunsALookBackByTicketAndGivesUpOneByBlockNumber) {
  constexpr unsigned blocks = 500;
  for (const unsigned at_once : {1U, 2U, 4U}) {
    emulator::set_blocks_at_once(at_once);
    std::vector<unsigned> data(blocks + 1);
    const Problem problem = run("test_look_back", data, 0, blocks, 64);
    ASSERT_FALSE(problem) << *problem;
    EXPECT_EQ(data[blocks], blocks * (blocks + 1) / 2);
  }
  emulator::set_patience(100);
  std::vector<unsigned> data(blocks + 1);
  const Problem problem = run("test_look_back", data, 1, blocks, 64);
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->find("wait for each other in __nanosleep"), std::string::npos) << *problem;
  EXPECT_TRUE(reverses("test_reverse", 2, 96));
}

TEST(Grid, GivesUpAWaitThatNobodyEnds) {
  emulator::set_patience(50);
  std::vector<unsigned> data(1);
  EXPECT_TRUE(run("test_sleep_for_ever", data, 0, 3, 33));
  EXPECT_TRUE(reverses("test_reverse", 2, 96));
}

TEST(Grid, AnAdditionWithoutAnAtomicLosesWhatOthersAdd) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "kernels are not preempted beside the address sanitizer";
#endif
  for (const unsigned threads : {2U, 64U, 1024U}) {
    const unsigned all = 4 * threads * 100;
    std::vector<unsigned> data(2);
    ASSERT_FALSE(run("test_atomic_addition", data, 100, 4, threads, 16));
    EXPECT_EQ(data, (std::vector<unsigned>{all, all}));
    data = {0, 0};
    ASSERT_FALSE(run("test_plain_addition", data, 100, 4, threads, 16));
    EXPECT_LT(data[0], all) << "in global memory, " << threads;
    EXPECT_LT(data[1], all) << "in shared memory, " << threads;
  }
}

TEST(Grid, WithoutPreemptionThreadsOfABlockKeepTheirTurn) {
  emulator::set_preemption(0);
  std::vector<unsigned> data(2);
  ASSERT_FALSE(run("test_plain_addition", data, 100, 1, 64, 16));
  emulator::set_preemption(64);
  EXPECT_EQ(data[1], 6400U);
}

}  // namespace
