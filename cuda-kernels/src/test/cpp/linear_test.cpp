// The products of linear layers against sums in F64.
#include "linear.cuh"

#include <bit>
#include <cmath>
#include <random>

#include "kernel_test.h"

namespace coppice::test {
namespace {

enum class Type { BF16, F16, F32 };

unsigned bytes_of(Type type) { return type == Type::F32 ? 4 : 2; }

unsigned bits_of(Type type, float value) {
  switch (type) {
    case Type::BF16:
      return std::bit_cast<unsigned>(value) >> 16;  // of numbers that are exact
    case Type::F16:
      return std::bit_cast<std::uint16_t>(static_cast<_Float16>(value));
    default:
      return std::bit_cast<unsigned>(value);
  }
}

double value_of(Type type, const std::vector<std::byte>& bytes, std::size_t i) {
  if (type == Type::F32) {
    float value;
    std::memcpy(&value, &bytes[4 * i], 4);
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, &bytes[2 * i], 2);
  return type == Type::F16 ? static_cast<double>(std::bit_cast<_Float16>(bits))
                           : static_cast<double>(std::bit_cast<float>(static_cast<unsigned>(bits) << 16));
}

std::vector<std::byte> packed(Type type, const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * bytes_of(type));
  for (std::size_t i = 0; i < values.size(); i++) {
    const unsigned bits = bits_of(type, values[i]);
    std::memcpy(&bytes[i * bytes_of(type)], &bits, bytes_of(type));
  }
  return bytes;
}

// Weights, inputs and bias; all are small multiples of 1/8, so that sums of F32 are exact.
struct Layer {
  Type type;
  unsigned out;
  unsigned in;
  unsigned batch;
  std::vector<float> w;
  std::vector<float> x;
  std::vector<float> bias;

  unsigned stride() const { return (in + 7) / 8 * 8; }

  double expected(unsigned b, unsigned o) const {
    double sum = bias.empty() ? 0 : bias[o];
    for (unsigned i = 0; i < in; i++) {
      sum += static_cast<double>(w[o * in + i]) * x[b * stride() + i];
    }
    return sum;
  }
};

float number(std::mt19937& random) { return static_cast<float>(static_cast<int>(random() % 15) - 7) / 8 + 1.0F / 16; }

Layer layer(std::mt19937& random, Type type, unsigned out, unsigned in, unsigned batch) {
  Layer made{type, out, in, batch, std::vector<float>(out * in), {}, {}};
  made.x.assign(batch * made.stride(), 0);
  for (unsigned b = 0; b < batch; b++) {
    for (unsigned i = 0; i < in; i++) {
      made.x[b * made.stride() + i] = number(random);
    }
  }
  if (random() % 2 == 0) {
    for (unsigned o = 0; o < out; o++) {
      made.bias.push_back(number(random));
    }
  }
  return made;
}

// Launches, and compares what was written; `y` begins poisoned, and is `offset` bytes from an aligned place.
void check(const Layer& l, const std::string& kernel, unsigned blocks, unsigned threads, unsigned shared,
           LinearParameters p, std::size_t offset = 0) {
  const DeviceArray<std::byte> x(packed(l.type, l.x));
  const DeviceArray<std::byte> bias(packed(l.type, l.bias));
  const DeviceArray<std::byte> y(std::vector<std::byte>(l.out * l.batch * bytes_of(l.type), std::byte{0x55}), offset);
  p.x = x.data();
  p.bias = l.bias.empty() ? nullptr : bias.data();
  p.y = y.data();
  p.out = l.out;
  p.batch = l.batch;
  p.x_stride = l.stride();
  launch(kernel, blocks, threads, shared, p);
  const std::vector<std::byte> found = y.read();
  const double unit = l.type == Type::F32 ? 0x1p-24 : (l.type == Type::F16 ? 0x1p-11 : 0x1p-8);
  for (unsigned i = 0; i < l.out * l.batch; i++) {
    const double expected = l.expected(i / l.out, i % l.out);
    ASSERT_LE(std::abs(value_of(l.type, found, i) - expected), std::abs(expected) * unit)
        << kernel << " [" << l.out << ", " << l.in << "], " << l.batch << " rows, element " << i;
  }
}

// 2:4 weights as dev.coppice.sparse.TwoFour holds them.
struct TwoFour {
  unsigned rows;
  unsigned stored;
  std::vector<float> values;
  std::vector<unsigned> positions;

  explicit TwoFour(const Layer& l)
      : rows((l.out + 15) / 16 * 16), stored((l.in + 31) / 32 * 16), values(rows * stored),
        positions(rows / 16 * (stored / 16) * 16, 0) {}

  unsigned& word(unsigned row, unsigned four) {
    return positions[(row / 16 * (stored / 16) + four / 8) * 16 + row % 8 * 2 + four / 4 % 2];
  }
  void set(unsigned row, unsigned four, unsigned code) { word(row, four) |= code << (row % 16 / 8 * 16 + four % 4 * 4); }
  unsigned code(unsigned row, unsigned four) { return word(row, four) >> (row % 16 / 8 * 16 + four % 4 * 4) & 15U; }

  // In the order of two_four_linear.cu: four 4i + m of 64 columns is nibble i of lane 4g + m's word.
  std::vector<unsigned> for_small() {
    const unsigned units = (stored + 127) / 128;
    std::vector<unsigned> words(rows / 16 * units * 128, 0);
    for (unsigned row = 0; row < rows; row++) {
      for (unsigned four = 0; four < units * 64; four++) {
        const unsigned code = four * 2 < stored ? this->code(row, four) : 4;
        const unsigned at = ((row / 16 * units + four / 64) * 32 + row % 8 * 4 + four % 4) * 4 + four / 16 % 4;
        words[at] |= code << (row % 16 / 8 * 16 + four / 4 % 4 * 4);
      }
    }
    return words;
  }
};

TwoFour two_four(std::mt19937& random, Layer& l) {
  constexpr unsigned codes[] = {0x4, 0x8, 0xC, 0x9, 0xD, 0xE};
  TwoFour made(l);
  for (unsigned row = 0; row < made.rows; row++) {
    for (unsigned four = 0; four < made.stored / 2; four++) {
      const bool there = row < l.out && 4 * four < l.in;
      const unsigned code = there ? codes[random() % 6] : 4;
      made.set(row, four, code);
      for (unsigned i = 0; i < 2 && there; i++) {
        const float weight = number(random);
        made.values[row * made.stored + 2 * four + i] = weight;
        l.w[row * l.in + 4 * four + (code >> 2 * i & 3U)] = weight;
      }
    }
  }
  return made;
}

const char* name_of(Type type) { return type == Type::BF16 ? "bf16" : (type == Type::F16 ? "f16" : "f32"); }

TEST(TwoFourLinear, productsAreThoseOfTheDenseWeights) {
  std::mt19937 random(1);
  for (const Type type : {Type::BF16, Type::F16}) {
    for (const unsigned in : {4U, 32U, 60U, 68U, 256U, 260U, 1028U, 4320U}) {
      for (const unsigned batch : {1U, 7U, 8U, 9U, 16U}) {
        Layer l = layer(random, type, 1 + static_cast<unsigned>(random() % 40), in, batch);
        TwoFour held = two_four(random, l);
        const DeviceArray<std::byte> values(packed(type, held.values));
        const DeviceArray<unsigned> positions(held.for_small());
        LinearParameters p{};
        p.values = values.data();
        p.index = positions.data();
        p.stored = held.stored;
        check(l, std::string("coppice_two_four_linear_") + name_of(type) + (batch <= 8 ? "_8" : "_16"), held.rows / 16,
              LINEAR_THREADS, (batch + 7) / 8 * TWO_FOUR_SHARED, p, random() % 8 * 2);
      }
    }
  }
}

TEST(TwoFourMatmul, productsAreThoseOfTheDenseWeights) {
  std::mt19937 random(2);
  for (const Type type : {Type::BF16, Type::F16}) {
    for (const bool wide : {false, true}) {
      for (const unsigned in : {4U, 32U, 96U, 420U}) {
        for (const unsigned batch : {1U, 31U, 65U, 130U}) {
          const unsigned out = random() % 2 == 0 ? 136 : 1 + static_cast<unsigned>(random() % 260);
          Layer l = layer(random, type, out, in, batch);
          TwoFour held = two_four(random, l);
          const DeviceArray<std::byte> values(packed(type, held.values));
          const DeviceArray<unsigned> positions(held.positions);
          LinearParameters p{};
          p.values = values.data();
          p.index = positions.data();
          p.stored = held.stored;
          const unsigned columns = wide ? MATMUL_WIDE : MATMUL_NARROW;
          check(l, std::string("coppice_two_four_matmul_") + name_of(type) + (wide ? "_wide" : "_narrow"),
                (out + 127) / 128 * ((batch + columns - 1) / columns), MATMUL_THREADS,
                wide ? MATMUL_WIDE_SHARED : MATMUL_NARROW_SHARED, p, random() % 2 * 2);
        }
      }
    }
  }
}

// Weights as dev.coppice.sparse.Bitmap holds them, and where each row's units begin.
struct Bitmap {
  unsigned words;
  std::vector<unsigned> bits;
  std::vector<unsigned> starts;
  std::vector<float> values;
};

Bitmap bitmap(std::mt19937& random, Layer& l, unsigned percent) {
  Bitmap made{(l.in + 127) / 128 * 4, {}, {}, {}};
  made.bits.assign(l.out * made.words, 0);
  for (unsigned row = 0; row < l.out; row++) {
    for (unsigned c = 0; c < (made.words + 7) / 8 * 256; c++) {
      if (c % 256 == 0) {
        made.starts.push_back(static_cast<unsigned>(made.values.size()));
      }
      if (c < l.in && random() % 100 >= percent) {
        l.w[row * l.in + c] = number(random);
        made.bits[row * made.words + c / 32] |= 1U << c % 32;
        made.values.push_back(l.w[row * l.in + c]);
      }
    }
    made.starts.push_back(static_cast<unsigned>(made.values.size()));
    while (made.values.size() * bytes_of(l.type) % 16 != 0) {
      made.values.push_back(0);
    }
  }
  return made;
}

void check_bitmap(std::mt19937& random, Layer& l, unsigned percent) {
  const Bitmap held = bitmap(random, l, percent);
  const DeviceArray<std::byte> values(packed(l.type, held.values));
  const DeviceArray<unsigned> bits(held.bits);
  const DeviceArray<unsigned> starts(held.starts);
  LinearParameters p{};
  p.values = values.data();
  p.index = bits.data();
  p.starts = starts.data();
  p.stored = held.words;
  const unsigned rows = l.batch == 1 ? 1 : 4;
  check(l, std::string("coppice_bitmap_linear_") + name_of(l.type) + (rows == 1 ? "_1" : "_4"),
        (l.out + 7) / 8 * ((l.batch + rows - 1) / rows), LINEAR_THREADS,
        l.type == Type::F32 ? BITMAP_LONG_SHARED : BITMAP_SHARED, p);
}

TEST(BitmapLinear, productsAreThoseOfTheDenseWeights) {
  std::mt19937 random(3);
  for (const Type type : {Type::BF16, Type::F16, Type::F32}) {
    for (const unsigned in : {1U, 33U, 129U, 255U, 256U, 700U, 2305U, 4200U}) {
      for (const unsigned percent : {0U, 50U, 80U, 100U}) {
        Layer l = layer(random, type, 1 + static_cast<unsigned>(random() % 20), in, 1 + static_cast<unsigned>(random() % 9));
        check_bitmap(random, l, percent);
        l = layer(random, type, 1 + static_cast<unsigned>(random() % 20), in, 1);
        check_bitmap(random, l, percent);
      }
    }
  }
}

TEST(BitmapLinear, aWeightThatIsNotStoredMeetsNoInput) {
  std::mt19937 random(4);
  for (const unsigned batch : {1U, 3U}) {
    Layer l = layer(random, Type::BF16, 9, 300, batch);
    for (unsigned b = 0; b < batch; b++) {
      l.x[b * l.stride() + 7] = INFINITY;
    }
    Layer finite = l;
    const Bitmap held = bitmap(random, l, 100);
    ASSERT_TRUE(held.values.empty());
    finite.x.assign(finite.x.size(), 0);
    const DeviceArray<std::byte> x(packed(l.type, l.x));
    const DeviceArray<std::byte> y(std::vector<std::byte>(l.out * batch * 2, std::byte{0x55}));
    const DeviceArray<unsigned> bits(held.bits);
    const DeviceArray<unsigned> starts(held.starts);
    LinearParameters p{};
    p.index = bits.data();
    p.starts = starts.data();
    p.x = x.data();
    p.y = y.data();
    p.out = l.out;
    p.batch = batch;
    p.stored = held.words;
    p.x_stride = l.stride();
    launch(batch == 1 ? "coppice_bitmap_linear_bf16_1" : "coppice_bitmap_linear_bf16_4", 2, LINEAR_THREADS,
           BITMAP_SHARED, p);
    EXPECT_EQ(y.read(), std::vector<std::byte>(l.out * batch * 2, std::byte{0}));
  }
}

TEST(LinearInputs, rowsAreLaidOutAnewWithZerosBehind) {
  for (const unsigned bytes : {2U, 4U}) {
    std::vector<std::byte> x(5 * 13 * bytes);
    for (std::size_t i = 0; i < x.size(); i++) {
      x[i] = static_cast<std::byte>(i + 1);
    }
    const DeviceArray<std::byte> from(x, bytes);
    const DeviceArray<std::byte> copy(std::vector<std::byte>(5 * 16 * bytes, std::byte{0x55}));
    launch("coppice_linear_inputs_" + std::to_string(8 * bytes), 2, 256, 0, InputsParameters{from.data(), copy.data(), 5, 13, 16});
    std::vector<std::byte> expected(5 * 16 * bytes);
    for (unsigned b = 0; b < 5; b++) {
      std::memcpy(&expected[b * 16 * bytes], &x[b * 13 * bytes], 13 * bytes);
    }
    EXPECT_EQ(copy.read(), expected);
  }
}

}  // namespace
}  // namespace coppice::test
