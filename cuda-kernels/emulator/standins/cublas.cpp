// The functions of cuBLAS that Coppice calls. Compiled for 12 and for 13, which define VERSION.
#include <cstdint>

#include "stand_in.h"
#include "matrix.h"

using namespace coppice::standins;

namespace {

enum : int { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum : int { COMPUTE_32F = 68, COMPUTE_32F_FAST_TF32 = 77 };
constexpr int DISALLOW_REDUCED_PRECISION_REDUCTION = 16;

// Where reductions in the type of the operands are allowed, one of so many products.
constexpr std::int64_t REDUCED = 16;

}  // namespace

struct cublasContext {
  const void* device;
  CUstream stream = nullptr;
  int math = 0;
};

namespace {

#define REQUIRE_HANDLE(handle) \
  REQUIRE(handle != nullptr && has(handle) && handle->device == context(), NOT_INITIALIZED)

struct Product {
  Matrix a;
  Matrix b;
  Matrix c;
  float alpha;
  float beta;
  bool tf32;
  bool reduces;

  float term(std::int64_t row, std::int64_t column, std::int64_t i) const {
    const float x = a.at(row, i);
    const float y = b.at(i, column);
    return tf32 ? to_tf32(x) * to_tf32(y) : x * y;
  }

  float sum(std::int64_t row, std::int64_t column) const {
    double sum = 0;
    for (std::int64_t i = 0; i < a.columns; i++) {
      sum += term(row, column, i);
      if (reduces && i % REDUCED == REDUCED - 1) {
        sum = rounded(static_cast<float>(sum), c.type);
      }
    }
    return static_cast<float>(sum);
  }

  int run() const {
    for (const Matrix& m : {a, b, c}) {
      if (!on_device(m.data, m.bytes())) {
        return 700;
      }
    }
    for (std::int64_t column = 0; column < c.columns; column++) {
      for (std::int64_t row = 0; row < c.rows; row++) {
        const float before = beta == 0 ? 0 : beta * c.at(row, column);
        c.set(row, column, alpha * sum(row, column) + before);
      }
    }
    return 0;
  }
};

bool is_operation(int operation) { return operation >= 0 && operation <= 2; }

Matrix operand(const void* data, int rows, int columns, int ld, int type, int operation) {
  const Matrix plain{const_cast<void*>(data), operation == 0 ? rows : columns,
                     operation == 0 ? columns : rows, ld, type, true};
  return operation == 0 ? plain : plain.transposed();
}

bool is_valid(const Matrix& m) { return m.ld >= 1 && m.has_valid_ld(); }

bool is_supported(int a, int b, int c, int compute) {
  return a == b && b == c && is_known(a) &&
         (compute == COMPUTE_32F || (compute == COMPUTE_32F_FAST_TF32 && a == R_32F));
}

}  // namespace

COPPICE_EXPORT int cublasCreate_v2(cublasContext** handle) {
  ENTER("cublasCreate", NOT_INITIALIZED)
  REQUIRE(handle != nullptr, INVALID_VALUE)
  REQUIRE(context() != nullptr, NOT_INITIALIZED)
  *handle = make<cublasContext>(cublasContext{context()});
  return OK;
}

COPPICE_EXPORT int cublasDestroy_v2(cublasContext* handle) {
  ENTER("cublasDestroy", NOT_INITIALIZED)
  return take_back(handle) ? OK : NOT_INITIALIZED;
}

COPPICE_EXPORT int cublasGetProperty(int which, int* value) {
  const int parts[] = {VERSION / 10000, VERSION / 100 % 100, VERSION % 100};
  REQUIRE(which >= 0 && which <= 2 && value != nullptr, INVALID_VALUE)
  *value = parts[which];
  return OK;
}

COPPICE_EXPORT int cublasSetStream_v2(cublasContext* handle, CUstream stream) {
  ENTER("cublasSetStream", NOT_INITIALIZED)
  REQUIRE_HANDLE(handle)
  handle->stream = stream;
  return OK;
}

COPPICE_EXPORT int cublasSetMathMode(cublasContext* handle, int mode) {
  ENTER("cublasSetMathMode", NOT_INITIALIZED)
  REQUIRE_HANDLE(handle)
  handle->math = mode;
  return OK;
}

COPPICE_EXPORT int cublasGemmEx(cublasContext* handle, int op_a, int op_b, int m, int n, int k,
                                const float* alpha, const void* a, int type_a, int lda, const void* b,
                                int type_b, int ldb, const float* beta, void* c, int type_c, int ldc,
                                int compute, int) {
  ENTER("cublasGemmEx", EXECUTION_FAILED)
  REQUIRE_HANDLE(handle)
  REQUIRE(is_operation(op_a) && is_operation(op_b) && m >= 0 && n >= 0 && k >= 0, INVALID_VALUE)
  REQUIRE(alpha != nullptr && beta != nullptr, INVALID_VALUE)
  REQUIRE(is_supported(type_a, type_b, type_c, compute), NOT_SUPPORTED)
  const bool reduces = (handle->math & DISALLOW_REDUCED_PRECISION_REDUCTION) == 0 && type_a != R_32F;
  const Product product{operand(a, m, k, lda, type_a, op_a),
                        operand(b, k, n, ldb, type_b, op_b),
                        {c, m, n, ldc, type_c, true},
                        *alpha,
                        *beta,
                        compute == COMPUTE_32F_FAST_TF32,
                        reduces};
  REQUIRE(is_valid(product.a) && is_valid(product.b) && is_valid(product.c), INVALID_VALUE)
  return enqueue("cublasGemmEx", handle->stream, [product] { return product.run(); }) ? OK
                                                                                     : EXECUTION_FAILED;
}
