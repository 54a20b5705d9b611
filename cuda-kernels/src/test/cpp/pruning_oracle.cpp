#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "pruning_case.h"

namespace coppice::test {
namespace {

std::uint32_t magnitude(Type type, std::uint32_t bits) {
  return bits & (type == Type::F32 ? 0x7FFFFFFFU : 0x7FFFU);
}

double f16_value(std::uint32_t magnitude) {
  const auto exponent = static_cast<int>(magnitude >> 10);
  const double fraction = magnitude & 0x3FFU;
  return exponent == 31 ? std::numeric_limits<double>::infinity()
         : exponent == 0 ? std::ldexp(fraction, -24)
                         : std::ldexp(1024 + fraction, exponent - 25);
}

std::uint32_t f32_bits(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Philox4x32-10, word by word from the paper.
std::uint32_t random_word(std::uint64_t seed, std::uint64_t tensor, std::uint64_t index) {
  const std::uint64_t block = index / 4;
  std::uint32_t c[4] = {static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                        static_cast<std::uint32_t>(tensor), static_cast<std::uint32_t>(tensor >> 32)};
  std::uint32_t k[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; round++) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * c[2];
    const std::uint32_t next[4] = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
                                   static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
    std::copy(next, next + 4, c);
    k[0] += 0x9E3779B9;
    k[1] += 0xBB67AE85;
  }
  return c[index % 4];
}

struct Element {
  std::uint32_t key;
  std::size_t position;  // in the scope
  std::size_t piece;
  std::size_t index;
};

// The numbers of a scope in the order in which they go.
std::vector<Element> ordered(const Case& c, unsigned scope) {
  std::vector<Element> elements;
  std::size_t position = 0;
  for (std::size_t i = 0; i < c.pieces.size(); i++) {
    for (std::size_t j = 0; c.pieces[i].scope == scope && j < c.pieces[i].bits.size(); j++) {
      ++position;
      if (const auto key = key_of(c, c.pieces[i], j)) {
        elements.push_back({*key, position, i, j});
      }
    }
  }
  std::sort(elements.begin(), elements.end(), [](const Element& a, const Element& b) {
    return a.key != b.key ? a.key < b.key : a.position > b.position;
  });
  return elements;
}

}  // namespace

bool Outcome::operator==(const Outcome& other) const {
  if (refused || other.refused) {
    return refused == other.refused;
  }
  const auto same = [](const Tally& a, const Tally& b) { return std::memcmp(&a, &b, sizeof a) == 0; };
  return bits == other.bits && kept == other.kept &&
         std::equal(tallies.begin(), tallies.end(), other.tallies.begin(), other.tallies.end(), same);
}

unsigned bytes_of(Type type) { return type == Type::F32 ? 4 : 2; }

std::uint32_t infinity(Type type) {
  return type == Type::F32 ? 0x7F800000U : type == Type::F16 ? 0x7C00U : 0x7F80U;
}

std::uint64_t tensor_index_of(const Piece& piece, std::size_t element) {
  return piece.run == 0 ? piece.first + element
                        : piece.first + element / piece.run * piece.stride + element % piece.run;
}

std::optional<std::uint32_t> key_of(const Case& c, const Piece& piece, std::size_t element) {
  const std::uint32_t own = magnitude(piece.type, piece.bits[element]);
  if (own > infinity(piece.type)) {
    return {};
  }
  if (c.ranking == Ranking::PHILOX) {
    return random_word(c.seed, piece.tensor_id, tensor_index_of(piece, element));
  }
  if (c.ranking == Ranking::SCORES) {
    const float score = piece.scores[element];
    return std::isnan(score) ? std::nullopt : std::optional(f32_bits(score) & 0x7FFFFFFFU);
  }
  return piece.type == Type::F32 ? own
         : piece.among_f32      ? f32_bits(static_cast<float>(f16_value(own)))
                                : own << 16;
}

Outcome expected(const Case& c) {
  Outcome outcome;
  unsigned tensors = 0;
  std::vector<std::vector<bool>> goes;
  for (const Piece& piece : c.pieces) {
    outcome.bits.push_back(piece.bits);
    goes.emplace_back(piece.bits.size());
    tensors = std::max(tensors, piece.tensor + 1);
  }
  for (unsigned scope = 0; scope < c.amounts.size(); scope++) {
    const std::vector<Element> order = ordered(c, scope);
    const Amount& amount = c.amounts[scope];
    const auto k = amount.fraction < 0
                       ? amount.count
                       : static_cast<std::uint64_t>(
                             std::nearbyint(amount.fraction * static_cast<double>(order.size())));
    outcome.refused = outcome.refused || k > order.size();
    for (std::uint64_t i = 0; i < k && i < order.size(); i++) {
      goes[order[i].piece][order[i].index] = true;
    }
  }
  outcome.tallies.assign(tensors, Tally{0, 0, 0, 0, ~0ULL});
  for (std::size_t i = 0; i < c.pieces.size(); i++) {
    const Piece& piece = c.pieces[i];
    Tally& tally = outcome.tallies[piece.tensor];
    for (std::size_t j = 0; j < piece.bits.size(); j++) {
      const bool zero = magnitude(piece.type, piece.bits[j]) == 0;
      if (!key_of(c, piece, j)) {
        tally.nans++;
        tally.first_nan = std::min<unsigned long long>(tally.first_nan, tensor_index_of(piece, j));
      }
      tally.pruned += goes[i][j] ? 1 : 0;
      tally.newly_zero += goes[i][j] && !zero ? 1 : 0;
      tally.zeros += goes[i][j] || zero ? 1 : 0;
      outcome.bits[i][j] = goes[i][j] ? 0 : piece.bits[j];
    }
    goes[i].flip();
    outcome.kept.push_back(piece.mask ? goes[i] : std::vector<bool>{});
    outcome.refused = outcome.refused || (c.refuse_nans && tally.nans != 0);
  }
  return outcome;
}

}  // namespace coppice::test
