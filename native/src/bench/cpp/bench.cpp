// Times the kernels, in GB/s of a slice's bytes: the lower quartile over slices of 512 KiB, each
// timed by itself, so that a machine that does other things too gives nearly the same figures.
//   coppice_bench [part of a name]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "coppice.h"

namespace {

constexpr int64_t slice_bytes = 512 << 10;
constexpr int64_t all_bytes = 128 << 20;
constexpr int runs = 3;
constexpr double deviation = 0.02;

struct Worker {
  std::vector<uint32_t> counts = std::vector<uint32_t>(1 << 20);
  std::vector<char> scratch = std::vector<char>(8 << 20);
  coppice_tally tally = {};
  coppice_census census = {};
};

using Operation = std::function<void(char*, coppice_slice&, Worker&)>;

struct Bench {
  std::string filter;
  std::vector<char> data = std::vector<char>(all_bytes);
  std::vector<char> original = std::vector<char>(all_bytes);
  Worker workers[2];
  int64_t dtype = COPPICE_F32;

  int64_t size() const { return dtype == COPPICE_F32 ? 4 : 2; }

  void fill() {
    std::mt19937 random(1);
    std::normal_distribution<float> weight(0, static_cast<float>(deviation));
    std::vector<float> sample(1 << 20);
    for (float& x : sample) {
      x = weight(random);
    }
    for (int64_t i = 0; i < all_bytes / size(); i++) {
      const char* bits = reinterpret_cast<const char*>(&sample[(i * 7919 + (i >> 20)) & 0xFFFFF]);
      std::memcpy(&original[i * size()], bits + 4 - size(), size());
    }
  }

  // Each thread passes over its half of the data, `bytes` of it again and again or all of it once.
  double gigabytes_a_second(int threads, int64_t bytes, const Operation& operation) {
    std::vector<double> times[2];
    for (int run = 0; run < runs; run++) {
      data = original;
      std::vector<std::thread> running;
      for (int t = 0; t < threads; t++) {
        running.emplace_back([&, t] { pass(bytes, operation, t, times[t]); });
      }
      for (std::thread& thread : running) {
        thread.join();
      }
    }
    double sum = 0;
    for (int t = 0; t < threads; t++) {
      std::sort(times[t].begin(), times[t].end());
      sum += slice_bytes / times[t][times[t].size() / 4] / 1e9;
    }
    return sum;
  }

  void pass(int64_t bytes, const Operation& operation, int thread, std::vector<double>& times) {
    for (int64_t done = 0; done < all_bytes / 2; done += slice_bytes) {
      int64_t at = done % bytes;
      coppice_slice slice = {dtype, COPPICE_MAGNITUDE, 7, 9, at, 1, slice_bytes / size(), 0};
      auto begin = std::chrono::steady_clock::now();
      operation(&data[thread * all_bytes / 2 + at], slice, workers[thread]);
      std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
      times.push_back(passed.count());
    }
  }

  void time(const char* name, const Operation& operation) {
    if (std::string(name).find(filter) == std::string::npos) {
      return;
    }
    std::printf("| %s | %s |", dtype == COPPICE_F32 ? "F32" : "BF16", name);
    for (int64_t bytes : {slice_bytes, all_bytes / 2}) {
      for (int threads : {1, 2}) {
        std::printf(" %.1f |", gigabytes_a_second(threads, bytes, operation));
        std::fflush(stdout);
      }
    }
    std::printf("\n");
  }
};

Operation histogram(double from, double to, bool full) {
  return [=](char* data, coppice_slice& slice, Worker& worker) {
    float ends[] = {static_cast<float>(from), static_cast<float>(to)};
    uint32_t bits[2];
    std::memcpy(bits, ends, sizeof bits);
    bool wide = slice.dtype == COPPICE_F32;
    coppice_window window = {bits[0] >> (wide ? 0 : 16), 0, (bits[1] - bits[0]) >> (wide ? 0 : 16)};
    if (full) {
      window = {0, wide ? 11 : 0, wide ? 1 << 20 : 1 << 15};
    }
    coppice_histogram(data, &slice, &window, worker.counts.data(), &worker.census);
  };
}

Operation apply(double threshold) {
  return [=](char* data, coppice_slice& slice, Worker& worker) {
    float weight = static_cast<float>(threshold);
    uint32_t bits;
    std::memcpy(&bits, &weight, sizeof bits);
    coppice_apply(data, &slice, bits >> (slice.dtype == COPPICE_F32 ? 0 : 16), 0, &worker.tally);
  };
}

Operation n_of_m(int n, int m, int inner, bool random) {
  return [=](char* data, coppice_slice& slice, Worker& worker) {
    slice.ranking = random ? COPPICE_PHILOX : COPPICE_MAGNITUDE;
    slice.run_length -= slice.run_length % (m * inner);
    coppice_select_n_of_m(data, &slice, n, m, inner, 0, worker.scratch.data(), &worker.tally);
  };
}

Operation rows(int outer, int inner, bool random) {
  return [=](char* data, coppice_slice& slice, Worker& worker) {
    slice.ranking = random ? COPPICE_PHILOX : COPPICE_MAGNITUDE;
    auto count = static_cast<int32_t>(slice.run_length / outer / inner);
    slice.run_length = int64_t{outer} * inner * count;
    coppice_select_rows(data, &slice, outer, count, inner, 0.5, 0, 0, worker.scratch.data(),
                        &worker.tally);
  };
}

Operation slice_sums(int outer, int inner) {
  return [=](char* data, coppice_slice& slice, Worker& worker) {
    auto count = static_cast<int32_t>(slice.run_length / outer / inner);
    coppice_slice_sums(data, &slice, count, inner, 0, outer * inner, 1,
                       reinterpret_cast<double*>(worker.scratch.data()));
  };
}

Operation at_random(Operation operation) {
  return [=](char* data, coppice_slice& slice, Worker& worker) {
    slice.ranking = COPPICE_PHILOX;
    operation(data, slice, worker);
  };
}

void time_all(Bench& bench) {
  double median = 0.6745 * deviation;
  bench.time("read", [](char* data, coppice_slice&, Worker& worker) {
    worker.tally.pruned += coppice_read(data, slice_bytes);
  });
  bench.time("copy", [](char* data, coppice_slice&, Worker& worker) {
    coppice_copy(worker.scratch.data(), data, slice_bytes);
  });
  bench.time("histogram, narrow", histogram(median, median * 1.02, false));
  bench.time("histogram, all", histogram(0, 1, true));
  bench.time("histogram, random", at_random(histogram(1.0, 1.01, false)));
  bench.time("apply", apply(median));
  bench.time("apply, random", at_random(apply(median)));
  bench.time("2:4", n_of_m(2, 4, 1, false));
  bench.time("2:4, inner 1024", n_of_m(2, 4, 1024, false));
  bench.time("2:4, inner 9", n_of_m(2, 4, 9, false));
  bench.time("2:4, random", n_of_m(2, 4, 1, true));
  bench.time("4:8", n_of_m(4, 8, 1, false));
  bench.time("5:10", n_of_m(5, 10, 1, false));
  bench.time("16:32", n_of_m(16, 32, 1, false));
  bench.time("rows of 4096", rows(1, 4096, false));
  bench.time("rows of 64", rows(1, 64, false));
  bench.time("columns of 4096", rows(4096, 1, false));
  bench.time("columns of 64", rows(64, 1, false));
  bench.time("rows of 4096, random", rows(1, 4096, true));
  bench.time("slice sums, rows of 4096", slice_sums(1, 4096));
  bench.time("slice sums, rows of 64", slice_sums(1, 64));
  bench.time("slice sums, columns of 4096", slice_sums(4096, 1));
  bench.time("slice sums, 3x3 windows", slice_sums(512, 9));
}

}  // namespace

int main(int count, char** arguments) {
  Bench bench;
  bench.filter = count > 1 ? arguments[1] : "";
  const char* names[] = {"baseline", "AVX2", "AVX-512"};
  for (int isa = COPPICE_AVX512; isa >= COPPICE_BASELINE; isa--) {
    if (!coppice_use_isa(isa)) {
      continue;
    }
    std::printf("\n%s, GB/s: L2, 1 and 2 threads; DRAM, 1 and 2 threads\n\n", names[isa]);
    for (int64_t dtype : {COPPICE_F32, COPPICE_BF16}) {
      bench.dtype = dtype;
      bench.fill();
      time_all(bench);
    }
  }
}
