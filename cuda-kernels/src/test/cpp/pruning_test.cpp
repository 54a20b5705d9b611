// The whole of a pruning: histogram, threshold, apply and refine together.
#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <random>

#include "pruning_case.h"

namespace coppice::test {
namespace {

using Random = std::mt19937;

std::uint32_t any_bits(Type type, Random& random) {
  std::normal_distribution<float> normal(0, 0.05F);
  const float value = normal(random);
  std::uint32_t bits = 0;
  static_assert(sizeof bits == sizeof value);
  std::memcpy(&bits, &value, sizeof bits);
  if (type == Type::F32) {
    return bits;
  }
  return type == Type::BF16 ? bits >> 16 : (bits >> 16 & 0x8000U) | (bits >> 13 & 0x3FFFU);
}

std::vector<std::uint32_t> gaussian(Type type, std::size_t elements, unsigned seed) {
  Random random(seed);
  std::vector<std::uint32_t> bits(elements);
  for (auto& b : bits) {
    b = any_bits(type, random);
  }
  return bits;
}

// Zeros of both signs, denormals, infinities, and numbers that occur again and again.
std::vector<std::uint32_t> peculiar(Type type, std::size_t elements, unsigned seed) {
  Random random(seed);
  const std::uint32_t sign = type == Type::F32 ? 0x80000000U : 0x8000U;
  const std::uint32_t some[] = {0, sign, 1, sign | 2, infinity(type), sign | infinity(type), infinity(type) - 1,
                                any_bits(type, random), any_bits(type, random)};
  std::vector<std::uint32_t> bits(elements);
  for (auto& b : bits) {
    b = some[random() % std::size(some)];
  }
  return bits;
}

Piece piece(Type type, std::vector<std::uint32_t> bits) {
  Piece piece;
  piece.type = type;
  piece.bits = std::move(bits);
  return piece;
}

Case half_of(Type type, std::vector<std::uint32_t> bits) {
  Case c;
  c.pieces.push_back(piece(type, std::move(bits)));
  c.amounts = {{0.5, 0}};
  return c;
}

const Type TYPES[] = {Type::F32, Type::F16, Type::BF16};

// A tile holds 8192 elements of 16 bits or 4096 of 32.
TEST(Pruning, EverySizeAroundWarpsRowsAndTilesIsPruned) {
  for (const Type type : TYPES) {
    for (const std::size_t elements : {1, 2, 31, 32, 33, 255, 256, 257, 4095, 4096, 4097, 8191, 8192, 8193, 30000}) {
      SCOPED_TRACE(elements);
      expect_pruned(half_of(type, gaussian(type, elements, 1)));
      expect_pruned(half_of(type, peculiar(type, elements, 2)));
    }
  }
}

TEST(Pruning, NothingIsNoWork) {
  Case c;
  c.amounts = {};
  expect_pruned(c);
}

TEST(Pruning, EqualWeightsGoFromTheLastPositionOn) {
  for (const Type type : TYPES) {
    for (const std::uint64_t k : {0, 1, 4096, 12345, 19999, 20000}) {
      Case c = half_of(type, std::vector<std::uint32_t>(20000, 0x3C00));
      c.amounts = {{-1, k}};
      expect_pruned(c);
      c.capacity = 100;
      expect_pruned(c);
    }
  }
}

TEST(Pruning, EveryGridGivesTheSame) {
  for (const Type type : TYPES) {
    for (const unsigned blocks : {1, 2, 3, 7, 40}) {
      SCOPED_TRACE(blocks);
      Case c = half_of(type, peculiar(type, 60000, 3));
      c.blocks = blocks;
      expect_pruned(c);
    }
  }
}

TEST(Pruning, SlicesBeginAnywhereAndGoAnywhere) {
  for (const Type type : TYPES) {
    for (unsigned misaligned = 0; misaligned < 16 / bytes_of(type); misaligned++) {
      for (const std::optional<unsigned> out :
           {std::optional<unsigned>{}, std::optional(misaligned), std::optional(1U)}) {
        for (const std::size_t elements : {1, 5, 33, 8199}) {
          Case c = half_of(type, gaussian(type, elements, misaligned));
          c.pieces[0].misaligned = misaligned;
          c.pieces[0].out = out;
          c.pieces[0].mask = true;
          c.blocks = 2;
          expect_pruned(c);
        }
      }
    }
  }
}

TEST(Pruning, PrunedElementsBecomePlusZero) {
  Case c = half_of(Type::F32, std::vector<std::uint32_t>(100, 0x80000000U));
  c.amounts = {{1, 0}};
  EXPECT_EQ(pruned(c).bits[0], std::vector<std::uint32_t>(100, 0));
  EXPECT_EQ(pruned(c).tallies[0].newly_zero, 0U);
}

TEST(Pruning, NansAreRefused) {
  for (const Type type : TYPES) {
    Case c = half_of(type, gaussian(type, 9000, 4));
    c.pieces[0].bits[8500] = infinity(type) + 1;
    c.refuse_nans = true;
    expect_pruned(c);
  }
}

TEST(Pruning, NansStayAndDoNotCountWhereTheyAreKept) {
  for (const Type type : TYPES) {
    for (const double fraction : {0.0, 0.3, 1.0}) {
      Case c = half_of(type, gaussian(type, 20000, 5));
      for (std::size_t i = 7; i < 20000; i += i < 300 ? 1 : 97) {
        c.pieces[0].bits[i] = infinity(type) + 1 + i % 3;
      }
      c.pieces[0].first = 1000;
      c.amounts = {{fraction, 0}};
      expect_pruned(c);
      c.capacity = 0;
      expect_pruned(c);
    }
  }
}

TEST(Pruning, MoreThanThereAreNumbersIsRefused) {
  Case c = half_of(Type::BF16, gaussian(Type::BF16, 1000, 6));
  c.pieces[0].bits[0] = 0x7FFF;
  c.amounts = {{-1, 1000}};
  EXPECT_TRUE(pruned(c).refused);
  c.amounts = {{-1, 999}};
  expect_pruned(c);
}

TEST(Pruning, AListThatIsTooShortIsNotUsed) {
  Case c = half_of(Type::F32, gaussian(Type::F32, 50000, 7));
  bool swept = true;
  EXPECT_TRUE(pruned(c, &swept) == expected(c));
  EXPECT_FALSE(swept);
  for (const std::uint64_t capacity : {0, 1, 10}) {
    c.capacity = capacity;
    EXPECT_TRUE(pruned(c, &swept) == expected(c));
    EXPECT_TRUE(swept);
  }
}

TEST(Pruning, SmallSharedMemoryTakesSeveralPasses) {
  for (const Type type : TYPES) {
    for (const unsigned bins : {16384, 10000}) {
      Case c = half_of(type, peculiar(type, 10000, 8));
      c.pieces.push_back(piece(type, gaussian(type, 10000, 9)));
      c.pieces[0].bits[0] = infinity(type) + 1;
      c.bins_a_pass = bins;
      c.capacity = bins == 10000 ? 0 : 1 << 20;
      expect_pruned(c);
    }
  }
}

Case several_scopes(Ranking ranking, unsigned seed) {
  Random random(seed);
  Case c;
  c.ranking = ranking;
  c.seed = 0x123456789ABCDEFULL + seed;
  unsigned tensor = 0;
  for (unsigned scope = 0; scope < 4; scope++) {
    const bool f32 = random() % 2 == 0;
    for (unsigned i = 0; i < 1 + random() % 4; i++) {
      const Type type = ranking == Ranking::MAGNITUDE ? (f32 ? (random() % 2 == 0 ? Type::F32 : Type::F16) : Type::BF16)
                                                      : TYPES[random() % 3];
      const std::size_t elements = 1 + random() % (random() % 3 == 0 ? 20000 : 300);
      Piece p = piece(type, random() % 2 == 0 ? gaussian(type, elements, random())
                                              : peculiar(type, elements, random()));
      p.among_f32 = type == Type::F16;
      p.scope = scope;
      p.tensor = tensor;
      tensor += random() % 2;
      p.tensor_id = random() * 0x100000001ULL;
      p.first = random() % 3 == 0 ? random() : 4 * (random() % 1000);
      p.misaligned = random() % 2 == 0 ? 0 : random() % 8;
      p.out = random() % 2 == 0 ? std::nullopt : std::optional<unsigned>(random() % 8);
      p.mask = random() % 2 == 0;
      p.run = random() % 3 == 0 ? 1 + random() % 50 : 0;
      p.stride = p.run + random() % 50;
      for (std::size_t j = 0; j < elements && ranking == Ranking::SCORES; j++) {
        p.scores.push_back(static_cast<float>(random() % 5 == 0 ? random() % 3 : random() % 100000) / 1024);
      }
      c.pieces.push_back(std::move(p));
    }
    c.amounts.push_back({static_cast<double>(random() % 11) / 10, 0});
  }
  c.blocks = 1 + random() % 5;
  c.capacity = random() % 3 == 0 ? random() % 2000 : 1 << 20;
  return c;
}

TEST(Pruning, SlicesScopesAndTensorsAreTakenTogether) {
  for (unsigned seed = 0; seed < 15; seed++) {
    SCOPED_TRACE(seed);
    expect_pruned(several_scopes(Ranking::MAGNITUDE, seed));
  }
}

TEST(Pruning, RandomKeysRank) {
  for (unsigned seed = 0; seed < 10; seed++) {
    SCOPED_TRACE(seed);
    expect_pruned(several_scopes(Ranking::PHILOX, seed));
  }
}

TEST(Pruning, ScoresRank) {
  for (unsigned seed = 0; seed < 10; seed++) {
    SCOPED_TRACE(seed);
    Case c = several_scopes(Ranking::SCORES, seed);
    c.pieces[0].scores[0] = std::numeric_limits<float>::quiet_NaN();
    c.pieces.back().bits[0] = infinity(c.pieces.back().type) + 1;
    expect_pruned(c);
  }
}

TEST(Pruning, SlicesThatComeOneAfterTheOtherArePrunedAsOne) {
  for (const Ranking ranking : {Ranking::MAGNITUDE, Ranking::PHILOX, Ranking::SCORES}) {
    for (const unsigned launches : {2, 3, 5}) {
      SCOPED_TRACE(launches);
      Case c = several_scopes(ranking, launches);
      c.launches = launches;
      expect_pruned(c);
    }
  }
  for (const Type type : TYPES) {
    Case c = half_of(type, std::vector<std::uint32_t>(9000, 5));
    for (unsigned i = 0; i < 4; i++) {
      c.pieces.push_back(piece(type, std::vector<std::uint32_t>(3000, 5)));
    }
    c.launches = 5;
    expect_pruned(c);
  }
}

}  // namespace
}  // namespace coppice::test
