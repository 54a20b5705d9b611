#include "pruning_case.h"

#include <algorithm>
#include <memory>

#include "kernel_test.h"
#include "refine.cuh"
#include "threshold.cuh"

namespace coppice::test {
namespace {

constexpr std::size_t GUARD = 64;  // bytes before and after what a kernel may touch
constexpr std::uint8_t UNTOUCHED = 0xA7;

// Device bytes at a chosen distance from a 16-byte boundary, between guards.
class Guarded {
 public:
  Guarded(const std::vector<std::uint8_t>& contents, std::size_t offset)
      : begin_(GUARD + offset), size_(contents.size()), bytes_(between_guards(contents, begin_)) {}

  template <typename T = void>
  T* data() const {
    return reinterpret_cast<T*>(bytes_.data() + begin_);
  }

  std::vector<std::uint8_t> read() const {
    const std::vector<std::uint8_t> all = bytes_.read();
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(begin_);
    const auto end = begin + static_cast<std::ptrdiff_t>(size_);
    const auto untouched = [](std::uint8_t b) { return b == UNTOUCHED; };
    EXPECT_TRUE(std::all_of(all.begin(), begin, untouched)) << "bytes before were written";
    EXPECT_TRUE(std::all_of(end, all.end(), untouched)) << "bytes after were written";
    return {begin, end};
  }

 private:
  static std::vector<std::uint8_t> between_guards(const std::vector<std::uint8_t>& contents, std::size_t begin) {
    std::vector<std::uint8_t> all(begin + contents.size() + GUARD, UNTOUCHED);
    std::copy(contents.begin(), contents.end(), all.begin() + static_cast<std::ptrdiff_t>(begin));
    return all;
  }

  std::size_t begin_;
  std::size_t size_;
  DeviceArray<std::uint8_t> bytes_;
};

std::vector<std::uint8_t> to_bytes(Type type, const std::vector<std::uint32_t>& bits) {
  std::vector<std::uint8_t> bytes;
  for (const std::uint32_t b : bits) {
    for (unsigned i = 0; i < bytes_of(type); i++) {
      bytes.push_back(static_cast<std::uint8_t>(b >> 8 * i));
    }
  }
  return bytes;
}

std::vector<std::uint32_t> from_bytes(Type type, const std::vector<std::uint8_t>& bytes) {
  std::vector<std::uint32_t> bits(bytes.size() / bytes_of(type));
  for (std::size_t i = 0; i < bytes.size(); i++) {
    bits[i / bytes_of(type)] |= static_cast<std::uint32_t>(bytes[i]) << 8 * (i % bytes_of(type));
  }
  return bits;
}

// One piece on the device.
struct OnDevice {
  explicit OnDevice(const Piece& piece)
      : weights(to_bytes(piece.type, piece.bits), piece.misaligned * bytes_of(piece.type)),
        scores(piece.scores) {
    if (piece.out) {
      const std::vector<std::uint8_t> unwritten(piece.bits.size() * bytes_of(piece.type), 0x5C);
      elsewhere = std::make_unique<Guarded>(unwritten, *piece.out * bytes_of(piece.type));
    }
    if (piece.mask) {
      const std::vector<std::uint8_t> empty((piece.bits.size() + 31) / 32 * 4);
      mask = std::make_unique<Guarded>(empty, 0);
    }
  }

  Guarded weights;
  DeviceArray<float> scores;
  std::unique_ptr<Guarded> elsewhere;
  std::unique_ptr<Guarded> mask;
};

Slice slice_of(const Piece& piece, const OnDevice& device) {
  Slice slice{};
  slice.weights = device.weights.data();
  slice.pruned = piece.out ? device.elsewhere->data() : device.weights.data();
  slice.scores = device.scores.data();
  slice.mask = piece.mask ? device.mask->data<unsigned>() : nullptr;
  slice.elements = piece.bits.size();
  slice.first = piece.first;
  slice.run = piece.run == 0 ? slice.elements : piece.run;
  slice.stride = piece.stride;
  slice.tensor_id = piece.tensor_id;
  slice.lead = piece.misaligned % (16 / bytes_of(piece.type));
  slice.form = piece.type == Type::F32 ? Form::F32 : piece.among_f32 ? Form::F16_AS_F32 : Form::HALF;
  slice.largest = slice.form == Form::HALF ? infinity(piece.type) << 16 : infinity(Type::F32);
  slice.scope = piece.scope;
  slice.tensor = piece.tensor;
  slice.bytes = bytes_of(piece.type);
  return slice;
}

// The slices of one launch.
struct Table {
  explicit Table(std::vector<Slice> all) : count(static_cast<unsigned>(all.size())), slices(lay_out(all)), tiles(0) {
    for (const Slice& slice : all) {
      tiles += tiles_of(slice);
    }
  }

  static unsigned long long tiles_of(const Slice& slice) {
    return ((slice.lead + slice.elements) * slice.bytes + TILE_BYTES - 1) / TILE_BYTES;
  }

  static std::vector<Slice> lay_out(std::vector<Slice> all) {
    unsigned long long tiles = 0;
    for (std::size_t i = 0; i < all.size(); i++) {
      all[i].first_tile = tiles;
      tiles += tiles_of(all[i]);
      const bool begins = i == 0 || all[i - 1].scope != all[i].scope;
      const bool ends = i + 1 == all.size() || all[i + 1].scope != all[i].scope;
      all[i].flags = (begins ? SCOPE_BEGINS : 0) | (ends ? SCOPE_ENDS : 0);
    }
    return all;
  }

  unsigned count;
  DeviceArray<Slice> slices;
  unsigned long long tiles;
};

// The launches of a call.
class Call {
 public:
  explicit Call(const Case& c)
      : case_(c),
        coarse_only_(c.ranking == Ranking::MAGNITUDE &&
                     std::all_of(c.pieces.begin(), c.pieces.end(),
                                 [](const Piece& p) { return p.type != Type::F32 && !p.among_f32; })),
        scopes_(scopes(c)),
        tallies_(tallies(c)),
        state_(std::vector<State>(1)),
        ticket_(std::size_t{1}),
        list_(std::max<std::uint64_t>(c.capacity, 1)) {
    for (const Piece& piece : c.pieces) {
      devices_.push_back(std::make_unique<OnDevice>(piece));
    }
    const std::size_t share = (c.pieces.size() + c.launches - 1) / c.launches;
    for (std::size_t i = 0; i < c.pieces.size(); i++) {
      if (i % share == 0) {
        parts_.emplace_back();
      }
      parts_.back().push_back(slice_of(c.pieces[i], *devices_[i]));
    }
  }

  void run() {
    for (const auto& part : parts_) {
      tables_.push_back(std::make_unique<Table>(part));
    }
    DeviceArray<unsigned long long> coarse(case_.amounts.size() * COARSE_BINS);
    histogram(Level::COARSE, When::ALWAYS, COARSE_BINS, coarse);
    threshold(Level::COARSE, coarse, COARSE_BINS);
    if (coarse_only_) {
      apply(Mode::EXACT, When::ALWAYS);
      return;
    }
    const unsigned fine_bins = 1U << shift();
    DeviceArray<unsigned long long> fine(case_.amounts.size() * fine_bins);
    if (case_.launches > 1) {
      histogram(Level::FINE, When::ALWAYS, fine_bins, fine);
      threshold(Level::FINE, fine, fine_bins);
      apply(Mode::EXACT, When::ALWAYS);
      return;
    }
    apply(Mode::COLLECT, When::LISTED);
    DeviceArray<unsigned long long> status(1 + (case_.capacity + REFINE_TILE - 1) / REFINE_TILE);
    const Slice* slices = tables_.empty() ? nullptr : tables_[0]->slices.data();
    const RefineParameters refine = {list_.data(),   slices,        scopes_.data(), tallies_.data(), state_.data(),
                                     fine.data(),    status.data(), fine_bins,      0};
    launch("coppice_refine_count", case_.blocks, REFINE_THREADS, 0, refine);
    histogram(Level::FINE, When::SWEPT, fine_bins, fine);
    threshold(Level::FINE, fine, fine_bins);
    launch("coppice_refine_apply", case_.blocks, REFINE_THREADS, REFINE_SHARED, refine);
    apply(Mode::EXACT, When::SWEPT);
  }

  Outcome outcome() const {
    Outcome outcome;
    outcome.refused = state_.read()[0].refused != 0;
    outcome.tallies = tallies_.read();
    for (std::size_t i = 0; i < devices_.size(); i++) {
      const Piece& piece = case_.pieces[i];
      const std::vector<std::uint32_t> weights = from_bytes(piece.type, devices_[i]->weights.read());
      outcome.bits.push_back(piece.out ? from_bytes(piece.type, devices_[i]->elsewhere->read()) : weights);
      if (piece.out || outcome.refused) {
        EXPECT_EQ(weights, piece.bits) << "the weights were written";
      }
      outcome.kept.emplace_back();
      const std::vector<std::uint8_t> mask = piece.mask ? devices_[i]->mask->read() : std::vector<std::uint8_t>{};
      for (std::size_t j = 0; piece.mask && j < mask.size() * 8; j++) {
        const bool kept = (mask[j / 8] >> j % 8 & 1) != 0;
        if (j < piece.bits.size()) {
          outcome.kept.back().push_back(kept);
        } else {
          EXPECT_FALSE(kept) << "a bit after the last element";
        }
      }
    }
    EXPECT_EQ(ticket_.read()[0], 0U);
    return outcome;
  }

  bool swept() const { return state_.read()[0].swept != 0; }

 private:
  static std::vector<Scope> scopes(const Case& c) {
    std::vector<Scope> scopes;
    for (const Amount& amount : c.amounts) {
      Scope scope{};
      scope.fraction = amount.fraction;
      scope.count = amount.count;
      scopes.push_back(scope);
    }
    for (const Piece& piece : c.pieces) {
      scopes[piece.scope].elements += piece.bits.size();
    }
    return scopes;
  }

  static std::vector<Tally> tallies(const Case& c) {
    std::vector<Tally> tallies;
    for (const Piece& piece : c.pieces) {
      tallies.resize(std::max<std::size_t>(tallies.size(), piece.tensor + 1), Tally{0, 0, 0, 0, ~0ULL});
    }
    return tallies;
  }

  unsigned shift() const { return case_.ranking == Ranking::PHILOX ? PHILOX_SHIFT : MAGNITUDE_SHIFT; }

  std::string kernel(const char* operation) const {
    static const char* const rankings[] = {"_magnitude", "_philox", "_scores"};
    return std::string("coppice_") + operation + rankings[static_cast<unsigned>(case_.ranking)];
  }

  void histogram(Level level, When when, unsigned scope_bins, const DeviceArray<unsigned long long>& counts) {
    for (const auto& table : tables_) {
      for (unsigned bin = 0; bin < scope_bins; bin += case_.bins_a_pass) {
        const unsigned bins = std::min(case_.bins_a_pass, scope_bins - bin);
        const HistogramParameters p = {
            table->slices.data(), scopes_.data(), tallies_.data(), state_.data(), counts.data(), table->tiles,
            case_.seed,           table->count,   scope_bins,      bin,           bins,          level,
            when};
        const unsigned counters = bins + (bins == COARSE_BINS ? ZERO_COUNTERS : 0);
        launch(kernel("histogram"), case_.blocks, HISTOGRAM_THREADS, 4 * counters, p);
      }
    }
  }

  void threshold(Level level, const DeviceArray<unsigned long long>& counts, unsigned bins) {
    const ThresholdParameters p = {scopes_.data(),
                                   state_.data(),
                                   counts.data(),
                                   ticket_.data(),
                                   case_.launches > 1 ? ~0ULL : case_.capacity,
                                   static_cast<unsigned>(case_.amounts.size()),
                                   bins,
                                   shift(),
                                   level,
                                   When::ALWAYS,
                                   case_.refuse_nans ? 1U : 0U,
                                   coarse_only_ ? 1U : 0U,
                                   0};
    launch("coppice_threshold", case_.blocks, THRESHOLD_THREADS, THRESHOLD_SHARED, p);
  }

  void apply(Mode mode, When when) {
    for (const auto& table : tables_) {
      const DeviceArray<unsigned long long> status(1 + table->tiles);
      const ApplyParameters p = {table->slices.data(), scopes_.data(), tallies_.data(), state_.data(),
                                 list_.data(),         status.data(),  table->tiles,    case_.seed,
                                 table->count,         mode,           when,            0};
      launch(kernel("apply"), case_.blocks, APPLY_THREADS, APPLY_SHARED, p);
    }
  }

  const Case& case_;
  bool coarse_only_;
  DeviceArray<Scope> scopes_;
  DeviceArray<Tally> tallies_;
  DeviceArray<State> state_;
  DeviceArray<unsigned> ticket_;
  DeviceArray<OpenElement> list_;
  std::vector<std::unique_ptr<OnDevice>> devices_;
  std::vector<std::vector<Slice>> parts_;
  std::vector<std::unique_ptr<Table>> tables_;
};

}  // namespace

Outcome pruned(const Case& c, bool* swept) {
  Call call(c);
  call.run();
  if (swept != nullptr) {
    *swept = call.swept();
  }
  return call.outcome();
}

void expect_pruned(const Case& c) {
  const Outcome wanted = expected(c);
  const Outcome found = pruned(c);
  ASSERT_EQ(found.refused, wanted.refused);
  if (wanted.refused) {
    return;
  }
  for (std::size_t i = 0; i < c.pieces.size(); i++) {
    for (std::size_t j = 0; j < c.pieces[i].bits.size(); j++) {
      ASSERT_EQ(found.bits[i][j], wanted.bits[i][j]) << "piece " << i << ", element " << j;
    }
    ASSERT_EQ(found.kept[i], wanted.kept[i]) << "mask of piece " << i;
  }
  for (std::size_t i = 0; i < wanted.tallies.size(); i++) {
    EXPECT_EQ(found.tallies[i].pruned, wanted.tallies[i].pruned) << "tensor " << i;
    EXPECT_EQ(found.tallies[i].newly_zero, wanted.tallies[i].newly_zero) << "tensor " << i;
    EXPECT_EQ(found.tallies[i].zeros, wanted.tallies[i].zeros) << "tensor " << i;
    EXPECT_EQ(found.tallies[i].nans, wanted.tallies[i].nans) << "tensor " << i;
    EXPECT_EQ(found.tallies[i].first_nan, wanted.tallies[i].first_nan) << "tensor " << i;
  }
  EXPECT_TRUE(found == wanted);
}

}  // namespace coppice::test
