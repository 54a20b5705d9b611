// Runs every operation on seeded slices and prints a digest of all that comes out: processors and
// instruction sets that agree print the same. digest [0 baseline | 1 AVX2 | 2 AVX-512]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "coppice.h"

namespace {

uint64_t state = 88172645463325252u;
uint64_t digest = 1469598103934665603u;
int cases = 0;

uint64_t next() {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

void add(const void* data, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) {
    digest = (digest ^ static_cast<const unsigned char*>(data)[i]) * 1099511628211u;
  }
}

enum Kind { numbers, ties, any_bits };

std::vector<unsigned char> weights(int64_t dtype, int n, Kind kind) {
  int size = dtype == COPPICE_F32 ? 4 : 2;
  std::vector<unsigned char> data(static_cast<size_t>(n * size));
  for (size_t i = 0; i < data.size(); i++) {
    data[i] = static_cast<unsigned char>(kind == ties ? next() % 4 == 0 : next());
    bool last = static_cast<int>(i) % size == size - 1;
    if (kind != any_bits && last) {
      data[i] &= 0xBF;  // neither NaN nor infinite
    }
  }
  return data;
}

// Works on a copy of the data and adds what became of it.
template <typename Operation>
void on_copy(std::vector<unsigned char> data, Operation operation) {
  coppice_tally tally;
  operation(data.data(), &tally);
  add(data.data(), data.size());
  add(&tally, sizeof tally);
  cases++;
}

void run(const std::vector<unsigned char>& data, const coppice_slice& slice, int n) {
  std::vector<char> scratch(static_cast<size_t>(coppice_scratch_bytes(&slice)) + 1);
  std::vector<uint32_t> counts(1 << 16);
  for (coppice_window window : {coppice_window{0, 0, 1 << 15}, coppice_window{0, 16, 1 << 16},
                                coppice_window{0x3000, 1, 700}}) {
    coppice_census census;
    coppice_histogram(data.data(), &slice, &window, counts.data(), &census);
    add(&census, sizeof census);
  }
  add(counts.data(), counts.size() * sizeof counts[0]);
  for (int64_t threshold : {0x0LL, 0x100LL, 0x1234LL, 0x3F000000LL, 0xFF000000LL}) {
    for (int64_t kept : {0, 1, 5}) {
      on_copy(data, [&](void* to, coppice_tally* tally) {
        coppice_apply(to, &slice, threshold, kept, tally);
      });
    }
  }
  for (int keep_nan : {0, 1}) {
    for (int m : {2, 4, 5, 8, 32}) {
      for (int kept : {1, m / 2, m - 1}) {
        for (int inner : {1, 3, 7}) {
          if (n % (m * inner) == 0) {
            on_copy(data, [&](void* to, coppice_tally* tally) {
              coppice_select_n_of_m(to, &slice, kept, m, inner, keep_nan, scratch.data(), tally);
            });
          }
        }
      }
    }
    for (int rows : {1, 3, 7}) {
      for (double fraction : {0.0, 0.3, 0.5, 1.0}) {
        if (n % rows == 0) {
          on_copy(data, [&](void* to, coppice_tally* tally) {
            coppice_select_rows(to, &slice, 1, rows, n / rows, fraction, 0, keep_nan,
                                scratch.data(), tally);
          });
          on_copy(data, [&](void* to, coppice_tally* tally) {
            coppice_select_rows(to, &slice, n / rows, rows, 1, fraction, 0, keep_nan,
                                scratch.data(), tally);
          });
        }
      }
    }
  }
}

// Adds the sums of all rows, those of a NaN as one number: its bits are the processor's business.
void run_sums(const std::vector<unsigned char>& data, const coppice_slice& slice, int n) {
  for (int rows : {1, 3, 7}) {
    for (int inner : {1, 5, n / rows}) {
      int length = n / rows / inner * inner;
      for (int from : {0, length / 3}) {
        for (int squares : {0, 1}) {
          std::vector<double> sums(static_cast<size_t>(rows) * (1 + (length - from) / 8192 + 1));
          if (length > from) {
            coppice_slice_sums(data.data(), &slice, rows, inner, from, length, squares, sums.data());
          }
          for (double& sum : sums) {
            sum = sum == sum ? sum : -1;
          }
          add(sums.data(), sums.size() * sizeof sums[0]);
          cases++;
        }
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (!coppice_use_isa(argc > 1 ? std::atoi(argv[1]) : COPPICE_BASELINE)) {
    std::fprintf(stderr, "this processor or library lacks that instruction set\n");
    return 1;
  }
  for (int64_t dtype : {COPPICE_F32, COPPICE_F16, COPPICE_BF16}) {
    for (int64_t ranking : {COPPICE_MAGNITUDE, COPPICE_PHILOX}) {
      for (int n : {1, 31, 32, 33, 255, 256, 257, 4097, 10080}) {
        for (Kind kind : {numbers, ties, any_bits}) {
          run(weights(dtype, n, kind), {dtype, ranking, 42, 77, 5, 1, n, n}, n);
        }
      }
    }
    for (int n : {7, 31, 33, 257, 8192, 8193, 20'000}) {
      for (Kind kind : {numbers, ties, any_bits}) {
        run_sums(weights(dtype, n, kind), {dtype, COPPICE_MAGNITUDE, 0, 0, 0, 1, n, n}, n);
      }
    }
  }
  std::printf("%d cases, digest %016llx\n", cases, static_cast<unsigned long long>(digest));
}
