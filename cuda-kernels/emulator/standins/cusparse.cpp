// The functions of cuSPARSE that Coppice calls.
#include <cstdint>
#include <cstring>

#include "matrix.h"
#include "stand_in.h"

using namespace coppice::standins;

namespace {

enum : int { INVALID_VALUE = 3, EXECUTION_FAILED = 6, NOT_SUPPORTED = 10 };
enum : int { INDEX_32I = 2, ORDER_COL = 1, ORDER_ROW = 2, SPMM_CSR_ALG1 = 4, SPMM_CSR_ALG2 = 6 };
constexpr int ILLEGAL_ADDRESS = 700;
constexpr int VERSION = 12600;

// What a preprocessed buffer begins with.
constexpr std::uint64_t PREPROCESSED = 0x5041'5253'4550'5043;

}  // namespace

struct cusparseContext {
  const void* device;
  CUstream stream = nullptr;
};

struct cusparseSpMatDescr {
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t stored;
  const std::int32_t* offsets;
  const std::int32_t* indices;
  const void* values;
  int type;
  const void* buffer = nullptr;  // that was preprocessed
};

struct cusparseDnMatDescr {
  Matrix matrix;
};

struct cusparseDnVecDescr {
  std::int64_t size;
  void* values;
  int type;
};

namespace {

struct Product {
  cusparseSpMatDescr a;
  Matrix b;
  Matrix c;
  float alpha;
  float beta;

  bool is_possible() const {
    const auto stored = static_cast<std::size_t>(a.stored);
    return on_device(a.offsets, static_cast<std::size_t>(a.rows + 1) * 4) &&
           (stored == 0 || (on_device(a.indices, stored * 4) &&
                            on_device(a.values, stored * bytes_of(a.type)))) &&
           on_device(b.data, b.bytes()) && on_device(c.data, c.bytes());
  }

  // Gives false where the offsets or the columns are not those of a CSR matrix.
  bool multiply_row(std::int64_t row) const {
    const std::int32_t begin = a.offsets[row];
    const std::int32_t end = a.offsets[row + 1];
    if (begin < 0 || end < begin || end > a.stored) {
      return false;
    }
    for (std::int64_t column = 0; column < c.columns; column++) {
      double sum = 0;
      for (std::int32_t i = begin; i < end; i++) {
        if (a.indices[i] < 0 || a.indices[i] >= a.columns) {
          return false;
        }
        sum += read(a.values, static_cast<std::size_t>(i), a.type) * b.at(a.indices[i], column);
      }
      const float before = beta == 0 ? 0 : beta * c.at(row, column);
      c.set(row, column, alpha * static_cast<float>(sum) + before);
    }
    return true;
  }

  int run() const {
    if (!is_possible() || a.offsets[0] != 0 || a.offsets[a.rows] != a.stored) {
      return ILLEGAL_ADDRESS;
    }
    for (std::int64_t row = 0; row < a.rows; row++) {
      if (!multiply_row(row)) {
        return ILLEGAL_ADDRESS;
      }
    }
    return OK;
  }
};

int check(const Product& p, int op_a, int op_b, int compute) {
  REQUIRE(op_a == 0 && op_b == 0 && compute == R_32F, NOT_SUPPORTED)
  REQUIRE(p.a.type == p.b.type && p.b.type == p.c.type, NOT_SUPPORTED)
  REQUIRE(p.a.columns == p.b.rows && p.a.rows == p.c.rows && p.b.columns == p.c.columns, INVALID_VALUE)
  return OK;
}

std::size_t buffer_bytes(const cusparseSpMatDescr& a, std::int64_t columns) {
  return sizeof PREPROCESSED + static_cast<std::size_t>(a.rows / 8 + columns) * 8;
}

// The matrices that a vector product is one of.
Matrix column_of(const cusparseDnVecDescr& v) { return {v.values, v.size, 1, v.size, v.type, true}; }

}  // namespace

COPPICE_EXPORT int cusparseCreate(cusparseContext** handle) { return create("cusparseCreate", handle, INVALID_VALUE); }

COPPICE_EXPORT int cusparseDestroy(cusparseContext* handle) { return destroy("cusparseDestroy", handle); }

COPPICE_EXPORT int cusparseGetProperty(int which, int* value) {
  return get_property(VERSION / 1000, VERSION / 100 % 10, VERSION % 100, which, value, INVALID_VALUE);
}

COPPICE_EXPORT int cusparseSetStream(cusparseContext* handle, CUstream stream) {
  return set_stream("cusparseSetStream", handle, stream);
}

COPPICE_EXPORT int cusparseCreateCsr(cusparseSpMatDescr** made, std::int64_t rows, std::int64_t columns,
                                     std::int64_t stored, void* offsets, void* indices, void* values,
                                     int offsets_type, int indices_type, int base, int type) {
  ENTER("cusparseCreateCsr", NOT_INITIALIZED)
  REQUIRE(made != nullptr && rows >= 0 && columns >= 0 && stored >= 0 && offsets != nullptr, INVALID_VALUE)
  REQUIRE(stored == 0 || (indices != nullptr && values != nullptr), INVALID_VALUE)
  REQUIRE(offsets_type == INDEX_32I && indices_type == INDEX_32I && base == 0 && is_known(type), NOT_SUPPORTED)
  *made = make<cusparseSpMatDescr>(
      cusparseSpMatDescr{rows, columns, stored, static_cast<const std::int32_t*>(offsets),
                         static_cast<const std::int32_t*>(indices), values, type});
  return OK;
}

COPPICE_EXPORT int cusparseDestroySpMat(const cusparseSpMatDescr* matrix) {
  ENTER("cusparseDestroySpMat", NOT_INITIALIZED)
  return take_back(matrix) ? OK : INVALID_VALUE;
}

COPPICE_EXPORT int cusparseCreateDnMat(cusparseDnMatDescr** made, std::int64_t rows, std::int64_t columns,
                                       std::int64_t ld, void* values, int type, int order) {
  ENTER("cusparseCreateDnMat", NOT_INITIALIZED)
  REQUIRE(made != nullptr && rows >= 0 && columns >= 0 && values != nullptr, INVALID_VALUE)
  REQUIRE(order == ORDER_COL || order == ORDER_ROW, INVALID_VALUE)
  REQUIRE(is_known(type), NOT_SUPPORTED)
  const Matrix matrix{values, rows, columns, ld, type, order == ORDER_COL};
  REQUIRE(matrix.has_valid_ld(), INVALID_VALUE)
  *made = make<cusparseDnMatDescr>(cusparseDnMatDescr{matrix});
  return OK;
}

COPPICE_EXPORT int cusparseDestroyDnMat(const cusparseDnMatDescr* matrix) {
  ENTER("cusparseDestroyDnMat", NOT_INITIALIZED)
  return take_back(matrix) ? OK : INVALID_VALUE;
}

COPPICE_EXPORT int cusparseDnMatSetValues(cusparseDnMatDescr* matrix, void* values) {
  ENTER("cusparseDnMatSetValues", NOT_INITIALIZED)
  REQUIRE(has(matrix) && values != nullptr, INVALID_VALUE)
  matrix->matrix.data = values;
  return OK;
}

COPPICE_EXPORT int cusparseCreateDnVec(cusparseDnVecDescr** made, std::int64_t size, void* values, int type) {
  ENTER("cusparseCreateDnVec", NOT_INITIALIZED)
  REQUIRE(made != nullptr && size >= 0 && values != nullptr, INVALID_VALUE)
  REQUIRE(is_known(type), NOT_SUPPORTED)
  *made = make<cusparseDnVecDescr>(cusparseDnVecDescr{size, values, type});
  return OK;
}

COPPICE_EXPORT int cusparseDestroyDnVec(const cusparseDnVecDescr* vector) {
  ENTER("cusparseDestroyDnVec", NOT_INITIALIZED)
  return take_back(vector) ? OK : INVALID_VALUE;
}

COPPICE_EXPORT int cusparseDnVecSetValues(cusparseDnVecDescr* vector, void* values) {
  ENTER("cusparseDnVecSetValues", NOT_INITIALIZED)
  REQUIRE(has(vector) && values != nullptr, INVALID_VALUE)
  vector->values = values;
  return OK;
}

#define SPMM_PARAMETERS                                                                               \
  cusparseContext *handle, int op_a, int op_b, const float *alpha, cusparseSpMatDescr *a,             \
      const cusparseDnMatDescr *b, const float *beta, const cusparseDnMatDescr *c, int compute, int algorithm

#define CHECK_SPMM                                                                                     \
  REQUIRE_HANDLE(handle)                                                                               \
  REQUIRE(has(a) && has(b) && has(c) && alpha != nullptr && beta != nullptr, INVALID_VALUE)            \
  REQUIRE(algorithm == 0 || algorithm == SPMM_CSR_ALG1 || algorithm == SPMM_CSR_ALG2, NOT_SUPPORTED)   \
  const Product product{*a, b->matrix, c->matrix, *alpha, *beta};                                      \
  if (const int refused = check(product, op_a, op_b, compute); refused) {                              \
    return refused;                                                                                    \
  }

COPPICE_EXPORT int cusparseSpMM_bufferSize(SPMM_PARAMETERS, std::size_t* bytes) {
  ENTER("cusparseSpMM_bufferSize", NOT_INITIALIZED)
  CHECK_SPMM
  *bytes = buffer_bytes(*a, product.c.columns);
  return OK;
}

COPPICE_EXPORT int cusparseSpMM_preprocess(SPMM_PARAMETERS, void* buffer) {
  ENTER("cusparseSpMM_preprocess", EXECUTION_FAILED)
  CHECK_SPMM
  const std::size_t bytes = buffer_bytes(*a, product.c.columns);
  a->buffer = buffer;
  const auto fill = [buffer, bytes] {
    if (!on_device(buffer, bytes)) {
      return ILLEGAL_ADDRESS;
    }
    std::memset(buffer, 0, bytes);
    std::memcpy(buffer, &PREPROCESSED, sizeof PREPROCESSED);
    return 0;
  };
  return enqueue("cusparseSpMM_preprocess", handle->stream, fill) ? OK : EXECUTION_FAILED;
}

// A matrix that was preprocessed is multiplied with the buffer that this went into, as it was left.
COPPICE_EXPORT int cusparseSpMM(SPMM_PARAMETERS, void* buffer) {
  ENTER("cusparseSpMM", EXECUTION_FAILED)
  CHECK_SPMM
  REQUIRE(a->buffer == nullptr || a->buffer == buffer, INVALID_VALUE)
  const bool preprocessed = a->buffer != nullptr;
  const std::size_t bytes = buffer_bytes(*a, product.c.columns);
  const auto multiply = [=] {
    if (!on_device(buffer, bytes) ||
        (preprocessed && std::memcmp(buffer, &PREPROCESSED, sizeof PREPROCESSED) != 0)) {
      return ILLEGAL_ADDRESS;
    }
    return product.run();
  };
  return enqueue("cusparseSpMM", handle->stream, multiply) ? OK : EXECUTION_FAILED;
}

#define SPMV_PARAMETERS                                                                   \
  cusparseContext *handle, int op_a, const float *alpha, const cusparseSpMatDescr *a,     \
      const cusparseDnVecDescr *x, const float *beta, const cusparseDnVecDescr *y, int compute, int algorithm

#define CHECK_SPMV                                                                          \
  REQUIRE_HANDLE(handle)                                                                    \
  REQUIRE(has(a) && has(x) && has(y) && alpha != nullptr && beta != nullptr, INVALID_VALUE) \
  REQUIRE(algorithm == 0 || algorithm == 2 || algorithm == 3, NOT_SUPPORTED)                \
  const Product product{*a, column_of(*x), column_of(*y), *alpha, *beta};                   \
  if (const int refused = check(product, op_a, 0, compute); refused) {                      \
    return refused;                                                                         \
  }

COPPICE_EXPORT int cusparseSpMV_bufferSize(SPMV_PARAMETERS, std::size_t* bytes) {
  ENTER("cusparseSpMV_bufferSize", NOT_INITIALIZED)
  CHECK_SPMV
  *bytes = buffer_bytes(*a, 1);
  return OK;
}

COPPICE_EXPORT int cusparseSpMV(SPMV_PARAMETERS, void* buffer) {
  ENTER("cusparseSpMV", EXECUTION_FAILED)
  CHECK_SPMV
  const std::size_t bytes = buffer_bytes(*a, 1);
  const auto multiply = [=] {
    if (!on_device(buffer, bytes)) {
      return ILLEGAL_ADDRESS;
    }
    std::memset(buffer, 0, bytes);
    return product.run();
  };
  return enqueue("cusparseSpMV", handle->stream, multiply) ? OK : EXECUTION_FAILED;
}
