#include "ptx.cuh"

#include <cstring>

#include "fragments.h"

namespace coppice::emulator {
namespace {

constexpr unsigned ALL = 0xFFFFFFFFU;

// Calls body(what each lane has, by lane) while all lanes of the warp wait.
template <typename T, typename F>
void together(const T& own, F body) {
  const std::uint64_t* deposited = exchange(ALL, reinterpret_cast<std::uintptr_t>(&own));
  const T* lanes[WARP];
  for (unsigned lane = 0; lane < WARP; lane++) {
    lanes[lane] = reinterpret_cast<const T*>(deposited[lane]);
  }
  body(lanes);
  exchange(ALL, 0);  // Until here nobody leaves what the others look at.
}

struct Operands {
  const unsigned* a;
  const unsigned* b;
  unsigned positions;
};

std::uint16_t half_of(unsigned word, unsigned half) { return static_cast<std::uint16_t>(word >> 16 * half); }

bool aligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % 16 == 0; }

}  // namespace

void multiply_sparse(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4], unsigned positions,
                     unsigned selector, float (*number)(std::uint16_t)) {
  const auto own = static_cast<unsigned>(lane_index());
  together(Operands{a, b, positions}, [&](const Operands* const* lanes) {
    for (unsigned i = 0; i < 4; i++) {
      const auto [row, column] = fragments::of_d(own, i);
      for (unsigned stored = 0; stored < 16; stored++) {
        const unsigned four = stored / 2;
        const auto [lane, shift] = fragments::of_positions(row, four, selector);
        const unsigned code = lanes[lane]->positions >> shift & 15U;
        if ((code & 3U) >= code >> 2) {
          give_up("positions of mma.sp are not in ascending order");
        }
        const unsigned k = 4 * four + (code >> 2 * (stored % 2) & 3U);
        // The inverses of of_a() and of_b().
        const unsigned from_a = row % 8 * 4 + stored % 8 / 2;
        const unsigned from_b = column * 4 + k % 8 / 2;
        const float weight = number(half_of(lanes[from_a]->a[row / 8 + stored / 8 * 2], stored % 2));
        d[i] += weight * number(half_of(lanes[from_b]->b[k / 8], k % 2));
      }
    }
  });
}

void load_matrices(unsigned (&out)[4], const void* row) {
  if (!is_shared(row) || !aligned(row)) {
    give_up("a row of ldmatrix does not lie in shared memory, or is not aligned to 16 bytes");
  }
  const auto own = static_cast<unsigned>(lane_index());
  together(row, [&](const void* const* const* lanes) {
    for (unsigned m = 0; m < 4; m++) {
      const auto [r, column] = fragments::of_matrix(own, 0);
      std::memcpy(&out[m], static_cast<const std::uint16_t*>(*lanes[8 * m + r]) + column, sizeof(unsigned));
    }
  });
}

void begin_copy(void* shared, const void* global, unsigned bytes) {
  if (!is_shared(shared) || !aligned(shared) || is_shared(global) || !aligned(global) || bytes > 16) {
    give_up("cp.async needs shared and global memory aligned to 16 bytes, and copies 16 at most");
  }
  own_block().begin_copy(own_thread(), {shared, global, bytes, 0});
}

void end_copies() { own_block().end_copies(own_thread()); }

void wait_for_copies(unsigned pending) { own_block().wait_for_copies(own_thread(), pending); }

}  // namespace coppice::emulator
