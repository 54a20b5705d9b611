// Times the products of a linear layer, format beside format, on one thread: the lower quartile of
// samples that take turns, so that a machine that does other things too gives nearly the same.
//   coppice_linear_bench [out in] [f32|f16|bf16] [baseline|avx2|avx512] [batch ...]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <time.h>
#include <vector>

#include "coppice.h"

namespace {

constexpr int samples = 15;

struct Layer {
  std::string name;
  coppice_weights weights = {};
  std::vector<char> values, index, offsets;
  std::vector<double> times;

  size_t bytes() const { return values.size() + index.size() + offsets.size(); }

  void seal() {
    weights.values = values.data();
    weights.index = index.data();
    weights.offsets = offsets.data();
  }
};

template <typename T>
void append(std::vector<char>& to, T value) {
  const char* from = reinterpret_cast<const char*>(&value);
  to.insert(to.end(), from, from + sizeof value);
}

void append_value(std::vector<char>& to, int64_t dtype, float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  if (dtype == COPPICE_F32) {
    append(to, bits);
  } else {
    append(to, static_cast<uint16_t>(bits >> 16));  // Of F16 any bits will do.
  }
}

// Random weights: what is drawn is the same for every row, shifted.
struct Maker {
  int64_t dtype, out, in;
  std::vector<float> sample = std::vector<float>(1 << 16);
  std::mt19937 random = std::mt19937(1);

  Maker(int64_t dtype, int64_t out, int64_t in) : dtype(dtype), out(out), in(in) {
    std::normal_distribution<float> weight(0, 0.02f);
    for (float& x : sample) {
      x = weight(random);
    }
  }

  float weight(size_t i) const { return sample[i * 7919 & 0xFFFF]; }

  Layer start(const char* name, int64_t format) const {
    Layer layer;
    layer.name = name;
    layer.weights = {format, dtype, out, in, nullptr, nullptr, nullptr, nullptr};
    return layer;
  }

  Layer dense() const {
    Layer layer = start("dense", COPPICE_DENSE);
    for (int64_t i = 0; i < out * in; i++) {
      append_value(layer.values, dtype, weight(i));
    }
    return layer;
  }

  Layer two_four() {
    Layer layer = start("2:4", COPPICE_TWO_FOUR);
    int64_t rows = (out + 15) / 16 * 16, columns = (in + 31) / 32 * 32;
    for (int64_t i = 0; i < rows * columns / 2; i++) {
      append_value(layer.values, dtype, weight(i));
    }
    const int codes[] = {4, 8, 12, 9, 13, 14};
    for (int64_t i = 0; i < rows * columns / 8; i++) {
      layer.index.push_back(static_cast<char>(codes[random() % 6] | codes[random() % 6] << 4));
    }
    return layer;
  }

  Layer bitmap(const char* name, double sparsity) {
    Layer layer = start(name, COPPICE_BITMAP);
    int64_t stride = (in + 127) / 128 * 16, at = 0;
    int64_t unit = dtype == COPPICE_F32 ? 4 : 8;
    layer.index.resize(out * stride);
    append(layer.offsets, at);
    auto limit = static_cast<uint32_t>(sparsity * 4294967295.0);
    for (int64_t row = 0; row < out; row++) {
      for (int64_t c = 0; c < in; c++) {
        if (random() >= limit) {
          layer.index[row * stride + c / 8] |= static_cast<char>(1 << c % 8);
          append_value(layer.values, dtype, weight(at++));
        }
      }
      for (; at % unit != 0; at++) {
        append_value(layer.values, dtype, 0);
      }
      append(layer.offsets, at);
    }
    return layer;
  }

  Layer csr(const char* name, double sparsity) {
    Layer layer = start(name, COPPICE_CSR);
    int32_t at = 0;
    append(layer.offsets, at);
    auto limit = static_cast<uint32_t>(sparsity * 4294967295.0);
    for (int64_t row = 0; row < out; row++) {
      for (int32_t c = 0; c < in; c++) {
        if (random() >= limit) {
          append(layer.index, c);
          append_value(layer.values, dtype, weight(at++));
        }
      }
      append(layer.offsets, at);
    }
    return layer;
  }
};

// Processor time, which others that run here have the least part in.
double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double time(const coppice_weights& w, const std::vector<char>& x, int64_t batch,
            char* inputs, std::vector<char>& y, std::vector<char>& scratch) {
  double begin = now();
  coppice_linear_inputs(&w, x.data(), batch, 0, w.in, inputs);
  coppice_linear(&w, inputs, batch, 0, w.out, y.data(), scratch.data());
  return now() - begin;
}

}  // namespace

int main(int count, char** arguments) {
  int64_t out = 4096, in = 14336, dtype = COPPICE_F32;
  int isa = coppice_best_isa();
  std::vector<int64_t> batches, sizes;
  const std::string dtypes[] = {"f32", "f16", "bf16"}, isas[] = {"baseline", "avx2", "avx512"};
  for (int i = 1; i < count; i++) {
    const std::string argument = arguments[i];
    auto known = std::find(dtypes, dtypes + 3, argument);
    auto set = std::find(isas, isas + 3, argument);
    if (known != dtypes + 3) {
      dtype = known - dtypes;
    } else if (set != isas + 3) {
      isa = static_cast<int>(set - isas);
    } else if (i <= 2) {
      sizes.push_back(std::atoll(arguments[i]));
    } else {
      batches.push_back(std::atoll(arguments[i]));
    }
  }
  if (sizes.size() == 2) {
    out = sizes[0];
    in = sizes[1];
  }
  if (batches.empty()) {
    batches = {1, 4, 8, 16, 64, 128};
  }
  if (!coppice_use_isa(isa)) {
    std::printf("this processor lacks %s\n", isas[isa].c_str());
    return 1;
  }
  Maker maker(dtype, out, in);
  std::vector<Layer> layers;
  layers.push_back(maker.dense());
  layers.push_back(maker.two_four());
  layers.push_back(maker.bitmap("bitmap 50 %", 0.5));
  layers.push_back(maker.bitmap("bitmap 80 %", 0.8));
  layers.push_back(maker.bitmap("bitmap 90 %", 0.9));
  layers.push_back(maker.csr("csr 90 %", 0.9));
  std::printf("%lld x %lld, %s, %s\n", static_cast<long long>(out), static_cast<long long>(in),
              dtypes[dtype].c_str(), isas[isa].c_str());
  for (int64_t batch : batches) {
    std::vector<char> x, y(static_cast<size_t>(batch * out * 4));
    for (int64_t i = 0; i < batch * in; i++) {
      append_value(x, dtype, maker.weight(i));
    }
    std::vector<char> scratch(static_cast<size_t>(coppice_linear_scratch_bytes(batch)));
    auto size = static_cast<size_t>(coppice_linear_inputs_bytes(&layers[0].weights, batch));
    char* inputs = static_cast<char*>(std::aligned_alloc(64, (size + 63) / 64 * 64));
    for (Layer& layer : layers) {
      layer.seal();
      layer.times.clear();
    }
    for (int i = 0; i < samples; i++) {
      for (Layer& layer : layers) {
        layer.times.push_back(time(layer.weights, x, batch, inputs, y, scratch));
      }
    }
    double dense = 0;
    for (Layer& layer : layers) {
      std::sort(layer.times.begin(), layer.times.end());
      double seconds = layer.times[samples / 4];
      dense = dense == 0 ? seconds : dense;
      std::printf("batch %4lld  %-12s %8.3f ms %6.1f GB/s %6.2fx\n",
                  static_cast<long long>(batch), layer.name.c_str(), seconds * 1e3,
                  static_cast<double>(layer.bytes()) / seconds / 1e9,
                  dense / seconds);
    }
    std::free(inputs);
  }
}
