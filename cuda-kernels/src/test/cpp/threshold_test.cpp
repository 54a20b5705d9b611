#include "threshold.cuh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernel_test.h"

namespace coppice::test {
namespace {

using Counts = std::vector<unsigned long long>;

constexpr unsigned SHIFT = MAGNITUDE_SHIFT;

struct Found {
  std::vector<Scope> scopes;
  State state;
};

// Runs the kernel over scopes that have the same number of bins each.
Found thresholds(std::vector<Scope> scopes, const Counts& counts, Level level = Level::COARSE, unsigned blocks = 3,
                 unsigned long long capacity = ~0ULL) {
  const auto bins = static_cast<unsigned>(counts.size() / scopes.size());
  const DeviceArray<Scope> device(scopes);
  const DeviceArray<unsigned long long> all(counts);
  const DeviceArray<State> state(std::size_t{1});
  const DeviceArray<unsigned> ticket(std::size_t{1});
  const ThresholdParameters p = {device.data(),  state.data(), all.data(), ticket.data(), capacity,
                                 static_cast<unsigned>(scopes.size()),
                                 bins,           SHIFT,        level,      When::ALWAYS,  0, 0, 0};
  launch("coppice_threshold", blocks, THRESHOLD_THREADS, THRESHOLD_SHARED, p);
  EXPECT_EQ(ticket.read()[0], 0U);
  return {device.read(), state.read()[0]};
}

Scope counting(const Counts& counts, double fraction, unsigned long long count = 0) {
  Scope scope{};
  scope.fraction = fraction;
  scope.count = count;
  for (const auto n : counts) {
    scope.elements += n;
  }
  return scope;
}

// What the head of threshold.cu says, bin by bin.
void expect_coarse(const Scope& scope, const Counts& counts, unsigned long long k) {
  unsigned long long before = 0;
  std::size_t bin = 0;
  while (before + counts[bin] < k) {
    before += counts[bin++];
  }
  const unsigned long long end = (bin + 1ULL) << SHIFT;
  const bool open = k != 0 && k - before != counts[bin];
  EXPECT_EQ(scope.low, k == 0 ? 0 : k == scope.elements ? 1ULL << 32 : open ? end - (1ULL << SHIFT) : end) << "k " << k;
  EXPECT_EQ(scope.high, open ? end : scope.low) << "k " << k;
  EXPECT_EQ(scope.open, open ? counts[bin] : 0) << "k " << k;
  EXPECT_EQ(scope.go, open ? k - before : 0) << "k " << k;
}

TEST(Threshold, EveryCountFindsItsBin) {
  const Counts counts = {0, 3, 0, 0, 1, 7, 2, 0};
  for (unsigned long long k = 0; k <= 13; k++) {
    expect_coarse(thresholds({counting(counts, -1, k)}, counts).scopes[0], counts, k);
  }
}

TEST(Threshold, AnyNumberOfBinsIsSearched) {
  for (const std::size_t bins : {1, 31, 32, 33, 1023, 1025, 32768, 40000}) {
    Counts counts(bins);
    for (std::size_t i = 0; i < bins; i++) {
      counts[i] = i * 2654435761U % 5;
    }
    counts.back() = 3;
    const unsigned long long elements = counting(counts, 0).elements;
    for (const unsigned long long k : {1ULL, elements / 3, elements / 2, elements - 2, elements - 1, elements}) {
      expect_coarse(thresholds({counting(counts, -1, k)}, counts).scopes[0], counts, k);
    }
  }
}

TEST(Threshold, AFractionIsRoundedHalfToEven) {
  const Counts counts = {5, 5, 5};
  for (const double fraction : {0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0}) {
    const auto k = static_cast<unsigned long long>(std::nearbyint(fraction * 15));
    expect_coarse(thresholds({counting(counts, fraction)}, counts).scopes[0], counts, k);
  }
}

TEST(Threshold, CountsBeyond32BitsAreAddedUp) {
  const Counts counts = {1ULL << 33, 1ULL << 35, 1ULL << 34};
  for (const unsigned long long k : {1ULL, (1ULL << 33) + 5, (1ULL << 35) + (1ULL << 33) + 7}) {
    expect_coarse(thresholds({counting(counts, -1, k)}, counts).scopes[0], counts, k);
  }
}

TEST(Threshold, TheFineLevelDividesOneBin) {
  Counts counts(1U << SHIFT);
  counts[10] = 4;
  counts[500] = 6;
  Scope scope{};
  scope.low = 7ULL << SHIFT;
  scope.high = 8ULL << SHIFT;
  scope.open = 10;
  scope.go = 5;
  const Scope open = thresholds({scope}, counts, Level::FINE).scopes[0];
  EXPECT_EQ(open.low, scope.low + 500);
  EXPECT_EQ(open.high, scope.low + 501);
  EXPECT_EQ(open.open, 6U);
  EXPECT_EQ(open.go, 1U);
  scope.go = 4;
  const Scope closed = thresholds({scope}, counts, Level::FINE).scopes[0];
  EXPECT_EQ(closed.low, scope.low + 11);
  EXPECT_EQ(closed.high, closed.low);
  EXPECT_EQ(closed.open + closed.go, 0U);
}

TEST(Threshold, TheListHoldsScopeAfterScope) {
  constexpr std::size_t scopes = 2500;
  const Counts one = {3, 8, 1, 20};
  std::vector<Scope> asked;
  Counts counts;
  for (std::size_t i = 0; i < scopes; i++) {
    asked.push_back(counting(one, -1, i % 33));
    counts.insert(counts.end(), one.begin(), one.end());
  }
  for (const unsigned blocks : {1, 7, 64}) {
    const Found found = thresholds(asked, counts, Level::COARSE, blocks);
    unsigned long long listed = 0;
    for (std::size_t i = 0; i < scopes; i++) {
      expect_coarse(found.scopes[i], one, i % 33);
      EXPECT_EQ(found.scopes[i].list, listed) << "scope " << i;
      listed += found.scopes[i].open;
    }
    EXPECT_EQ(found.state.listed, listed);
    EXPECT_EQ(found.state.swept, 0U);
    EXPECT_EQ(thresholds(asked, counts, Level::COARSE, blocks, listed).state.swept, 0U);
    EXPECT_EQ(thresholds(asked, counts, Level::COARSE, blocks, listed - 1).state.swept, 1U);
  }
}

TEST(Threshold, OneScopeThatIsRefusedRefusesTheCall) {
  const Counts one = {3, 8};
  Counts counts;
  std::vector<Scope> scopes;
  for (unsigned i = 0; i < 20; i++) {
    scopes.push_back(counting(one, -1, i == 13 ? 12 : 5));
    counts.insert(counts.end(), one.begin(), one.end());
  }
  EXPECT_EQ(thresholds(scopes, counts, Level::COARSE, 5).state.refused, 1U);
  scopes[13].count = 11;
  EXPECT_EQ(thresholds(scopes, counts, Level::COARSE, 5).state.refused, 0U);
}

}  // namespace
}  // namespace coppice::test
