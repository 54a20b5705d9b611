// A pruning of some slices: what it shall come to by the words of SPEC.md, scalar and sorted, and what the
// kernels make of it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apply.cuh"
#include "histogram.cuh"

namespace coppice::test {

enum class Type { F32, F16, BF16 };

struct Piece {
  Type type = Type::F32;
  std::vector<std::uint32_t> bits;  // of the elements
  unsigned scope = 0;
  unsigned tensor = 0;
  bool among_f32 = false;           // F16 that competes as F32
  std::vector<float> scores;
  std::uint64_t first = 0;          // in the tensor; runs as in Slice, 0: one run
  std::uint64_t run = 0;
  std::uint64_t stride = 0;
  std::uint64_t tensor_id = 0;
  unsigned misaligned = 0;          // elements from a 16-byte boundary to the first
  std::optional<unsigned> out;      // not in place: the same, of the result
  bool mask = false;
};

struct Amount {
  double fraction = -1;  // negative: the count
  std::uint64_t count = 0;
};

struct Case {
  Ranking ranking = Ranking::MAGNITUDE;
  std::uint64_t seed = 0;
  std::vector<Piece> pieces;    // by scope, then position
  std::vector<Amount> amounts;  // one a scope
  bool refuse_nans = false;
  std::uint64_t capacity = 1 << 20;
  unsigned blocks = 3;
  unsigned bins_a_pass = COARSE_BINS;
  unsigned launches = 1;        // more: the pieces come one share after the other, and no list is kept
};

// What comes out; or only that it is refused.
struct Outcome {
  bool refused = false;
  std::vector<std::vector<std::uint32_t>> bits;  // of the pieces
  std::vector<std::vector<bool>> kept;           // of those with a mask
  std::vector<Tally> tallies;

  bool operator==(const Outcome& other) const;
};

unsigned bytes_of(Type type);
std::uint32_t infinity(Type type);

// The key by which an element is ordered, or nothing for NaN.
std::optional<std::uint32_t> key_of(const Case& c, const Piece& piece, std::size_t element);
std::uint64_t tensor_index_of(const Piece& piece, std::size_t element);

Outcome expected(const Case& c);
// `swept`, if given, receives whether the list was too short. Fails the test where bytes beside the elements change.
Outcome pruned(const Case& c, bool* swept = nullptr);

// Fails the test where the two differ, and says how.
void expect_pruned(const Case& c);

}  // namespace coppice::test
