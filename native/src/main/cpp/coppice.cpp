// The C ABI: every operation goes to the kernels of the instruction set in use.
#include "coppice.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels.h"

namespace {

using coppice::Kernels;

const Kernels* kernels_of(int32_t isa) {
  switch (isa) {
    case COPPICE_BASELINE:
      return &coppice::baseline::kernels;
#if defined(__x86_64__)
    case COPPICE_AVX2:
      return __builtin_cpu_supports("x86-64-v3") ? &coppice::avx2::kernels : nullptr;
    case COPPICE_AVX512:
      return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vbmi") &&
                     __builtin_cpu_supports("avx512vbmi2")
                 ? &coppice::avx512::kernels
                 : nullptr;
#endif
    default:
      return nullptr;
  }
}

int32_t best_isa() {
  int32_t isa = COPPICE_AVX512;
  while (kernels_of(isa) == nullptr) {
    isa--;
  }
  return isa;
}

static_assert(sizeof(coppice_weights) == 8 * sizeof(int64_t));

std::atomic<const Kernels*> in_use{kernels_of(best_isa())};

const Kernels& kernels() { return *in_use.load(std::memory_order_relaxed); }

}  // namespace

extern "C" {

void coppice_histogram(const void* data, const coppice_slice* slice, const coppice_window* window,
                       uint32_t* counts, coppice_census* census) {
  kernels().histogram(data, slice, window, counts, census);
}

void coppice_apply(void* data, const coppice_slice* slice, int64_t threshold, int64_t ties,
                   coppice_tally* tally) {
  kernels().apply(data, slice, threshold, ties, tally);
}

void coppice_select_n_of_m(void* data, const coppice_slice* slice, int32_t n, int32_t m,
                           int32_t inner, int32_t keep_nan, void* scratch, coppice_tally* tally) {
  kernels().select_n_of_m(data, slice, n, m, inner, keep_nan, scratch, tally);
}

int64_t coppice_select_rows(void* data, const coppice_slice* slice, int32_t outer, int32_t rows,
                            int32_t inner, double fraction, int64_t count, int32_t keep_nan,
                            void* scratch, coppice_tally* tally) {
  return kernels().select_rows(data, slice, outer, rows, inner, fraction, count, keep_nan, scratch,
                               tally);
}

void coppice_slice_sums(const void* data, const coppice_slice* slice, int32_t rows, int32_t inner,
                        int32_t from, int32_t to, int32_t squares, double* sums) {
  kernels().slice_sums(data, slice, rows, inner, from, to, squares, sums);
}

int64_t coppice_scratch_bytes(const coppice_slice* slice) {
  return coppice::scratch_bytes(*slice);
}

int64_t coppice_linear_inputs_bytes(const coppice_weights* weights, int64_t batch) {
  int64_t single = coppice::inputs_stride(weights->in) * batch;
  int64_t turned = weights->in * ((batch + 15) / 16 * 16);
  int64_t floats = batch <= coppice::always_single_rows ? single
                   : batch <= coppice::most_single_rows ? std::max(single, turned)
                                                        : turned;
  return floats * static_cast<int64_t>(sizeof(float));
}

int64_t coppice_linear_scratch_bytes(int64_t batch) {
  int64_t lanes = std::min((batch + 15) / 16 * 16, coppice::most_lanes);
  return coppice::strip_of_linear * lanes * static_cast<int64_t>(sizeof(float)) + 64;
}

void coppice_linear_inputs(const coppice_weights* weights, const void* x, int64_t batch,
                           int64_t first, int64_t end, void* inputs) {
  kernels().linear_inputs(weights, x, batch, first, end, inputs);
}

void coppice_linear(const coppice_weights* weights, const void* inputs, int64_t batch,
                    int64_t first, int64_t end, void* y, void* scratch) {
  kernels().linear(weights, inputs, batch, first, end, y, scratch);
}

int32_t coppice_best_isa(void) { return best_isa(); }

int32_t coppice_use_isa(int32_t isa) {
  const Kernels* wanted = kernels_of(isa);
  if (wanted != nullptr) {
    in_use.store(wanted, std::memory_order_relaxed);
  }
  return wanted != nullptr;
}

int64_t coppice_read(const void* data, int64_t bytes) { return kernels().read(data, bytes); }

void coppice_copy(void* to, const void* from, int64_t bytes) {
  std::memcpy(to, from, static_cast<size_t>(bytes));
}

}  // extern "C"
