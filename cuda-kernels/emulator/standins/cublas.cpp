// The functions of cuBLAS that Coppice calls. Compiled for 12 and for 13, which define VERSION.
#include <cstdint>
#include <vector>

#include "stand_in.h"
#include "matrix.h"

using namespace coppice::standins;

namespace {

enum : int { INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum : int { COMPUTE_32F = 68, COMPUTE_64F = 70, COMPUTE_32F_FAST_TF32 = 77 };
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

// Scalar is what alpha and beta are, and what results are rounded to before they go into C.
template <typename Scalar>
struct Product {
  Matrix a;
  Matrix b;
  Matrix c;
  Scalar alpha;
  Scalar beta;
  bool tf32;
  bool reduces;

  Scalar term(std::int64_t row, std::int64_t i, Scalar y) const {
    const auto x = static_cast<Scalar>(a.value(row, i));
    return tf32 ? to_tf32(static_cast<float>(x)) * to_tf32(static_cast<float>(y)) : x * y;
  }

  // Gives a column of A B.
  std::vector<double> sums(std::int64_t column) const {
    std::vector<double> sums(static_cast<std::size_t>(c.rows));
    for (std::int64_t i = 0; i < a.columns; i++) {
      const auto y = static_cast<Scalar>(b.value(i, column));
      for (std::int64_t row = 0; row < c.rows; row++) {
        double& sum = sums[static_cast<std::size_t>(row)];
        sum += term(row, i, y);
        if (reduces && i % REDUCED == REDUCED - 1) {
          sum = rounded(static_cast<float>(sum), c.type);
        }
      }
    }
    return sums;
  }

  int run() const {
    for (const Matrix& m : {a, b, c}) {
      if (!on_device(m.data, m.bytes())) {
        return 700;
      }
    }
    for (std::int64_t column = 0; column < c.columns; column++) {
      const std::vector<double> found = sums(column);
      for (std::int64_t row = 0; row < c.rows; row++) {
        const auto before = beta == 0 ? 0 : beta * static_cast<Scalar>(c.value(row, column));
        c.set_value(row, column, alpha * static_cast<Scalar>(found[static_cast<std::size_t>(row)]) + before);
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
  if (a == R_64F || compute == COMPUTE_64F) {
    return a == R_64F && b == R_64F && c == R_64F && compute == COMPUTE_64F;
  }
  return a == b && b == c && is_known(a) &&
         (compute == COMPUTE_32F || (compute == COMPUTE_32F_FAST_TF32 && a == R_32F));
}

template <typename Scalar>
int multiply(const cublasContext& handle, const Matrix& a, const Matrix& b, const Matrix& c, const void* alpha,
             const void* beta, int compute) {
  REQUIRE(is_valid(a) && is_valid(b) && is_valid(c), INVALID_VALUE)
  const bool reduces = (handle.math & DISALLOW_REDUCED_PRECISION_REDUCTION) == 0 && a.type != R_32F && a.type != R_64F;
  const Product<Scalar> product{a,
                                b,
                                c,
                                *static_cast<const Scalar*>(alpha),
                                *static_cast<const Scalar*>(beta),
                                compute == COMPUTE_32F_FAST_TF32,
                                reduces};
  return enqueue("cublasGemmEx", handle.stream, [product] { return product.run(); }) ? OK : EXECUTION_FAILED;
}

}  // namespace

COPPICE_EXPORT int cublasCreate_v2(cublasContext** handle) { return create("cublasCreate", handle, INVALID_VALUE); }

COPPICE_EXPORT int cublasDestroy_v2(cublasContext* handle) { return destroy("cublasDestroy", handle); }

COPPICE_EXPORT int cublasGetProperty(int which, int* value) {
  return get_property(VERSION / 10000, VERSION / 100 % 100, VERSION % 100, which, value, INVALID_VALUE);
}

COPPICE_EXPORT int cublasSetStream_v2(cublasContext* handle, CUstream stream) {
  return set_stream("cublasSetStream", handle, stream);
}

COPPICE_EXPORT int cublasSetMathMode(cublasContext* handle, int mode) {
  ENTER("cublasSetMathMode", NOT_INITIALIZED)
  REQUIRE_HANDLE(handle)
  handle->math = mode;
  return OK;
}

COPPICE_EXPORT int cublasGemmEx(cublasContext* handle, int op_a, int op_b, int m, int n, int k,
                                const void* alpha, const void* a, int type_a, int lda, const void* b,
                                int type_b, int ldb, const void* beta, void* c, int type_c, int ldc,
                                int compute, int) {
  ENTER("cublasGemmEx", EXECUTION_FAILED)
  REQUIRE_HANDLE(handle)
  REQUIRE(is_operation(op_a) && is_operation(op_b) && m >= 0 && n >= 0 && k >= 0, INVALID_VALUE)
  REQUIRE(alpha != nullptr && beta != nullptr, INVALID_VALUE)
  REQUIRE(is_supported(type_a, type_b, type_c, compute), NOT_SUPPORTED)
  return (compute == COMPUTE_64F ? multiply<double> : multiply<float>)(
      *handle, operand(a, m, k, lda, type_a, op_a), operand(b, k, n, ldb, type_b, op_b),
      {c, m, n, ldc, type_c, true}, alpha, beta, compute);
}
