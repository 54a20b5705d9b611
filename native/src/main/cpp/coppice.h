/*
 * Coppice's CPU kernels behind a C ABI. Each operation is the one of the same name in
 * dev.coppice.spi.SliceKernels, where its contract stands; SPEC.md says what it computes.
 *
 * Arguments are trusted: the Java side has checked them. Nothing is allocated, nothing is thrown,
 * and calls on different slices may run at once. All structs consist of 64-bit integers, so that
 * Java passes them as long[].
 */
#ifndef COPPICE_H
#define COPPICE_H

#include <stdint.h>

#if defined(__GNUC__)
#define COPPICE_API __attribute__((visibility("default")))
#else
#define COPPICE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum coppice_dtype { COPPICE_F32 = 0, COPPICE_F16 = 1, COPPICE_BF16 = 2 };

enum coppice_ranking { COPPICE_MAGNITUDE = 0, COPPICE_PHILOX = 1 };

/* Instruction sets; baseline is what every processor of the architecture has. */
enum coppice_isa { COPPICE_BASELINE = 0, COPPICE_AVX2 = 1, COPPICE_AVX512 = 2 };

/* Elements in place: runs of run_length, run i from the tensor's element first + i * stride. */
typedef struct coppice_slice {
  int64_t dtype;
  int64_t ranking;
  int64_t seed;
  int64_t tensor;
  int64_t first;
  int64_t runs;
  int64_t run_length;
  int64_t stride;
} coppice_slice;

/* See dev.coppice.spi.Window. */
typedef struct coppice_window {
  int64_t base;
  int64_t shift;
  int64_t bins;
} coppice_window;

/* What a histogram counts beside its bins; first_nan is a position in the slice, or -1. */
typedef struct coppice_census {
  int64_t below;
  int64_t nans;
  int64_t first_nan;
} coppice_census;

/* See dev.coppice.spi.Tally. */
typedef struct coppice_tally {
  int64_t pruned;
  int64_t newly_zero;
  int64_t zeros;
  int64_t nans;
  int64_t first_nan;
} coppice_tally;

/* Adds to counts; overwrites census. */
COPPICE_API void coppice_histogram(const void* data, const coppice_slice* slice,
                                   const coppice_window* window, uint32_t* counts,
                                   coppice_census* census);

COPPICE_API void coppice_apply(void* data, const coppice_slice* slice, int64_t threshold,
                               int64_t ties, coppice_tally* tally);

/* scratch: coppice_scratch_bytes(slice), its contents arbitrary. */
COPPICE_API void coppice_select_n_of_m(void* data, const coppice_slice* slice, int32_t n, int32_t m,
                                       int32_t inner, int32_t keep_nan, void* scratch,
                                       coppice_tally* tally);

/*
 * Prunes rint(fraction * n) of a row's n weights if fraction is 0 or more, otherwise count of them.
 * Gives -1, or the n of the first row that has fewer than count; rows before it were pruned.
 */
COPPICE_API int64_t coppice_select_rows(void* data, const coppice_slice* slice, int32_t outer,
                                        int32_t rows, int32_t inner, double fraction, int64_t count,
                                        int32_t keep_nan, void* scratch, coppice_tally* tally);

/* sums: one for each chunk of 8,192 elements that [from, to) of a row is cut into, row by row. */
COPPICE_API void coppice_slice_sums(const void* data, const coppice_slice* slice, int32_t rows,
                                    int32_t inner, int32_t from, int32_t to, int32_t squares,
                                    double* sums);

/* Gives the scratch memory that the two selections need for a slice. */
COPPICE_API int64_t coppice_scratch_bytes(const coppice_slice* slice);

/* See dev.coppice.sparse.Format. */
enum coppice_format {
  COPPICE_DENSE = 0,
  COPPICE_TWO_FOUR = 1,
  COPPICE_BITMAP = 2,
  COPPICE_CSR = 3
};

/*
 * The weights W [out, in] of a linear layer: the parts of the class of dev.coppice.sparse that is
 * called like the format. Addresses need no alignment; nothing outside the parts is read.
 */
typedef struct coppice_weights {
  int64_t format;
  int64_t dtype;
  int64_t out;
  int64_t in;
  const void* values;
  const void* index;   /* 2:4: positions; bitmap: bits; CSR: columns; dense: not looked at */
  const void* offsets; /* bitmap, CSR; otherwise not looked at */
  const void* bias;    /* [out], of the same type; or NULL */
} coppice_weights;

/*
 * y = x W^T + b, in two steps, each of which may be cut into stretches for several threads:
 * coppice_linear_inputs brings x into the order that the kernels read, coppice_linear multiplies.
 * The instruction set must not be changed in between. Sums are F32.
 */

/* Gives the bytes of inputs for so many rows of x. */
COPPICE_API int64_t coppice_linear_inputs_bytes(const coppice_weights* weights, int64_t batch);

/* Gives the bytes of scratch memory that a call of coppice_linear needs. */
COPPICE_API int64_t coppice_linear_scratch_bytes(int64_t batch);

/* Brings columns first to end - 1 of x [batch, in] into order; all columns of [0, in) must be. */
COPPICE_API void coppice_linear_inputs(const coppice_weights* weights, const void* x, int64_t batch,
                                       int64_t first, int64_t end, void* inputs);

/*
 * Computes the columns first to end - 1 of y [batch, out], from those rows of W. With 2:4 first is a
 * multiple of 16, and so is end unless it is out.
 */
COPPICE_API void coppice_linear(const coppice_weights* weights, const void* inputs, int64_t batch,
                                int64_t first, int64_t end, void* y, void* scratch);

/* Gives the best instruction set of this processor. */
COPPICE_API int32_t coppice_best_isa(void);

/* Makes all later calls use an instruction set; gives 0 if this processor or library lacks it. */
COPPICE_API int32_t coppice_use_isa(int32_t isa);

/* Reads memory as fast as one thread can; gives a digest of it. For measuring bandwidth. */
COPPICE_API int64_t coppice_read(const void* data, int64_t bytes);

/* Copies memory as fast as one thread can. For measuring bandwidth. */
COPPICE_API void coppice_copy(void* to, const void* from, int64_t bytes);

#ifdef __cplusplus
}
#endif

#endif
