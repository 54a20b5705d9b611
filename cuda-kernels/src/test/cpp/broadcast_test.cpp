#include "broadcast.cuh"

#include <numeric>

#include "kernel_test.h"

namespace coppice::test {
namespace {

constexpr unsigned ROWS = 3;

template <typename T>
void expect_every_row(unsigned columns, unsigned word) {
  std::vector<T> row(columns);
  std::iota(row.begin(), row.end(), static_cast<T>(7));
  const DeviceArray<T> from(row);
  const DeviceArray<T> to(std::vector<T>(std::size_t{ROWS} * columns, static_cast<T>(-1)));
  const unsigned long long words = columns * sizeof(T) / word;
  const unsigned long long tiles = (words + BROADCAST_TILE - 1) / BROADCAST_TILE;
  launch("coppice_broadcast", static_cast<unsigned>(ROWS * tiles), BROADCAST_THREADS, 0,
         BroadcastParameters{from.data(), to.data(), words, tiles, word, 0});
  const std::vector<T> found = to.read();
  for (std::size_t i = 0; i < found.size(); i++) {
    ASSERT_EQ(found[i], row[i % columns]) << columns << " columns in words of " << word << ", " << i;
  }
}

TEST(Broadcast, everyRowIsThatRow) {
  for (const unsigned columns : {1U, 2U, 31U, 33U, 1023U, 1024U, 1025U, 4100U}) {
    expect_every_row<std::uint16_t>(columns, 2);
    expect_every_row<std::uint16_t>(2 * columns, 4);
    expect_every_row<std::uint16_t>(8 * columns, 16);
    expect_every_row<std::uint32_t>(columns, 4);
    expect_every_row<std::uint32_t>(4 * columns, 16);
  }
}

}  // namespace
}  // namespace coppice::test
