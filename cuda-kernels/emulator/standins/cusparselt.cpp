// The functions of cuSPARSELt that Coppice calls, with the limits that the reference states for 16-bit types.
#include <cstdint>
#include <cstdlib>

#include "matrix.h"
#include "stand_in.h"

using namespace coppice::standins;

namespace {

enum : int { INVALID_VALUE = 3, EXECUTION_FAILED = 6, NOT_SUPPORTED = 10 };
enum : int { ORDER_COLUMNS = 1, ORDER_ROWS = 2, COMPUTE_32F = 2 };
constexpr int ILLEGAL_ADDRESS = 700;
constexpr int FOUND = 3;  // the algorithm that a search finds

// What the library's own objects are aligned to and take at most, in 0.8.
constexpr std::size_t MOST_BYTES = 512;

struct Token {};

struct alignas(16) Handle {
  const Token* token;
  const void* device;
};

struct alignas(16) MatDescriptor {
  const Token* token;
  Matrix matrix;  // without data
  bool structured;
};

struct alignas(16) MatmulDescriptor {
  MatDescriptor a;
  MatDescriptor b;
  MatDescriptor c;
  bool transposes_b;
};

struct alignas(16) AlgSelection {
  const Token* token;
  int id;
};

struct alignas(16) Plan {
  const Token* token;
  MatmulDescriptor product;
  AlgSelection* selection;
  int algorithm;
};

static_assert(sizeof(Plan) <= MOST_BYTES);

template <typename T>
int create(T* object, T contents) {
  contents.token = make<Token>();
  *object = contents;
  return OK;
}

template <typename T>
int destroy(const T* object) {
  return object != nullptr && take_back(object->token) ? OK : INVALID_VALUE;
}

#define REQUIRE_INITIALIZED(handle)                                                                \
  REQUIRE(handle != nullptr && has(handle->token) && handle->device == context(), NOT_INITIALIZED)

int describe(MatDescriptor* made, std::int64_t rows, std::int64_t columns, std::int64_t ld,
             std::uint32_t alignment, int type, int order, bool structured) {
  REQUIRE(made != nullptr && rows > 0 && columns > 0, INVALID_VALUE)
  REQUIRE(order == ORDER_COLUMNS || order == ORDER_ROWS, INVALID_VALUE)
  REQUIRE(type == R_16F || type == R_16BF, NOT_SUPPORTED)
  const std::int64_t unit = structured ? 16 : 8;
  REQUIRE(rows % unit == 0 && columns % unit == 0 && ld % unit == 0, NOT_SUPPORTED)
  REQUIRE(alignment > 0 && alignment % 16 == 0, NOT_SUPPORTED)
  const Matrix matrix{nullptr, rows, columns, ld, type, order == ORDER_COLUMNS};
  REQUIRE(matrix.has_valid_ld(), INVALID_VALUE)
  return create(made, MatDescriptor{nullptr, matrix, structured});
}

// The stand-in's own format: the two values of each four, then where they stood, a byte for each four.
struct Compressed {
  std::byte* data;
  Matrix shape;

  std::int64_t fours() const { return shape.rows * shape.columns / 4; }
  std::size_t bytes() const { return static_cast<std::size_t>(fours()) * 5; }
  std::byte* positions() const { return data + fours() * 4; }
};

struct Compression {
  Matrix dense;
  Compressed into;

  // Gives false where more than two are not zero.
  bool compress(std::int64_t four) const {
    const auto* const from = static_cast<const std::uint16_t*>(dense.data) + four * 4;
    auto* const values = reinterpret_cast<std::uint16_t*>(into.data) + four * 2;
    int places[2] = {0, 1};
    int found = 0;
    for (int i = 0; i < 4; i++) {
      if (from[i] != 0) {
        if (found == 2) {
          return false;
        }
        places[found++] = i;
      }
    }
    if (found == 1) {
      places[1] = places[0] == 3 ? 2 : 3;
    }
    values[0] = from[places[0]];
    values[1] = from[places[1]];
    into.positions()[four] = static_cast<std::byte>(places[0] | places[1] << 2);
    return true;
  }

  int run() const {
    if (!on_device(dense.data, dense.bytes()) || !on_device(into.data, into.bytes())) {
      return ILLEGAL_ADDRESS;
    }
    for (std::int64_t four = 0; four < into.fours(); four++) {
      if (!compress(four)) {
        return ILLEGAL_ADDRESS;
      }
    }
    return OK;
  }
};

struct Product {
  Compressed a;
  Matrix b;
  Matrix c;
  Matrix d;
  float alpha;
  float beta;

  float sum(std::int64_t row, std::int64_t column) const {
    double sum = 0;
    const std::int64_t each = a.shape.columns / 4;
    for (std::int64_t four = 0; four < each; four++) {
      const std::int64_t at = row * each + four;
      const int code = std::to_integer<int>(a.positions()[at]);
      for (int i = 0; i < 2; i++) {
        const float value = read(a.data, static_cast<std::size_t>(at * 2 + i), a.shape.type);
        sum += value * b.at(four * 4 + (code >> 2 * i & 3), column);
      }
    }
    return static_cast<float>(sum);
  }

  int run() const {
    if (!on_device(a.data, a.bytes()) || !on_device(b.data, b.bytes()) || !on_device(c.data, c.bytes()) ||
        !on_device(d.data, d.bytes())) {
      return ILLEGAL_ADDRESS;
    }
    for (std::int64_t column = 0; column < d.columns; column++) {
      for (std::int64_t row = 0; row < d.rows; row++) {
        const float before = beta == 0 ? 0 : beta * c.at(row, column);
        d.set(row, column, alpha * sum(row, column) + before);
      }
    }
    return OK;
  }
};

bool is_aligned(const void* address) { return reinterpret_cast<std::uintptr_t>(address) % 16 == 0; }

std::size_t workspace(const Plan& plan) {
  return static_cast<std::size_t>(16 * (1 + plan.algorithm) * plan.product.c.matrix.columns);
}

Matrix placed(const MatDescriptor& descriptor, const void* data) {
  Matrix matrix = descriptor.matrix;
  matrix.data = const_cast<void*>(data);
  return matrix;
}

}  // namespace

COPPICE_EXPORT int cusparseLtInit(Handle* handle) {
  ENTER("cusparseLtInit", NOT_INITIALIZED)
  REQUIRE(handle != nullptr, INVALID_VALUE)
  REQUIRE(context() != nullptr, NOT_INITIALIZED)
  return create(handle, Handle{nullptr, context()});
}

COPPICE_EXPORT int cusparseLtDestroy(const Handle* handle) {
  ENTER("cusparseLtDestroy", NOT_INITIALIZED)
  return destroy(handle);
}

// COPPICE_STAND_IN_CUSPARSELT=400 makes it 0.4.0.
COPPICE_EXPORT int cusparseLtGetVersion(const Handle* handle, int* version) {
  ENTER("cusparseLtGetVersion", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  const char* const wanted = std::getenv("COPPICE_STAND_IN_CUSPARSELT");
  *version = wanted == nullptr ? 801 : std::atoi(wanted);
  return OK;
}

COPPICE_EXPORT int cusparseLtDenseDescriptorInit(const Handle* handle, MatDescriptor* made, std::int64_t rows,
                                                 std::int64_t columns, std::int64_t ld,
                                                 std::uint32_t alignment, int type, int order) {
  ENTER("cusparseLtDenseDescriptorInit", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  return describe(made, rows, columns, ld, alignment, type, order, false);
}

COPPICE_EXPORT int cusparseLtStructuredDescriptorInit(const Handle* handle, MatDescriptor* made,
                                                      std::int64_t rows, std::int64_t columns,
                                                      std::int64_t ld, std::uint32_t alignment, int type,
                                                      int order, int sparsity) {
  ENTER("cusparseLtStructuredDescriptorInit", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  REQUIRE(sparsity == 0, INVALID_VALUE)
  REQUIRE(order == ORDER_ROWS && ld == columns, NOT_SUPPORTED)
  return describe(made, rows, columns, ld, alignment, type, order, true);
}

COPPICE_EXPORT int cusparseLtMatDescriptorDestroy(const MatDescriptor* descriptor) {
  ENTER("cusparseLtMatDescriptorDestroy", NOT_INITIALIZED)
  return destroy(descriptor);
}

COPPICE_EXPORT int cusparseLtMatmulDescriptorInit(const Handle* handle, MatmulDescriptor* made, int op_a, int op_b,
                                                  const MatDescriptor* a, const MatDescriptor* b,
                                                  const MatDescriptor* c, const MatDescriptor* d, int compute) {
  ENTER("cusparseLtMatmulDescriptorInit", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  REQUIRE(has(a->token) && has(b->token) && has(c->token) && has(d->token), INVALID_VALUE)
  REQUIRE(a->structured && !b->structured && !c->structured && op_a == 0, INVALID_VALUE)
  REQUIRE(c->matrix.ld == d->matrix.ld && c->matrix.by_columns == d->matrix.by_columns, NOT_SUPPORTED)
  REQUIRE(c->matrix.rows == d->matrix.rows && c->matrix.columns == d->matrix.columns, INVALID_VALUE)
  REQUIRE(compute == COMPUTE_32F && a->matrix.type == b->matrix.type && b->matrix.type == c->matrix.type,
          NOT_SUPPORTED)
  const Matrix right = op_b == 1 ? b->matrix.transposed() : b->matrix;
  REQUIRE((op_b == 0 || op_b == 1) && a->matrix.columns == right.rows && a->matrix.rows == c->matrix.rows &&
              right.columns == c->matrix.columns,
          INVALID_VALUE)
  *made = {*a, *b, *c, op_b == 1};
  return OK;
}

COPPICE_EXPORT int cusparseLtMatmulAlgSelectionInit(const Handle* handle, AlgSelection* made,
                                                    const MatmulDescriptor* product, int algorithm) {
  ENTER("cusparseLtMatmulAlgSelectionInit", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  REQUIRE(product != nullptr && algorithm == 0, INVALID_VALUE)
  return create(made, AlgSelection{nullptr, 0});
}

COPPICE_EXPORT int cusparseLtMatmulAlgSelectionDestroy(const AlgSelection* selection) {
  ENTER("cusparseLtMatmulAlgSelectionDestroy", NOT_INITIALIZED)
  return destroy(selection);
}

COPPICE_EXPORT int cusparseLtMatmulPlanInit(const Handle* handle, Plan* made, const MatmulDescriptor* product,
                                            AlgSelection* selection) {
  ENTER("cusparseLtMatmulPlanInit", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  REQUIRE(has(selection->token), INVALID_VALUE)
  return create(made, Plan{nullptr, *product, selection, selection->id});
}

COPPICE_EXPORT int cusparseLtMatmulPlanDestroy(const Plan* plan) {
  ENTER("cusparseLtMatmulPlanDestroy", NOT_INITIALIZED)
  return destroy(plan);
}

COPPICE_EXPORT int cusparseLtMatmulGetWorkspace(const Handle* handle, const Plan* plan, std::size_t* bytes) {
  ENTER("cusparseLtMatmulGetWorkspace", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  REQUIRE(has(plan->token) && bytes != nullptr, INVALID_VALUE)
  *bytes = workspace(*plan);
  return OK;
}

#define MATMUL_PARAMETERS                                                                            \
  const float *alpha, const void *a, const void *b, const float *beta, const void *c, void *d,       \
      void *buffer, CUstream *streams, std::int32_t count

#define MULTIPLY(name)                                                                               \
  REQUIRE_INITIALIZED(handle)                                                                             \
  REQUIRE(has(plan->token) && alpha != nullptr && beta != nullptr && count <= 1, INVALID_VALUE)      \
  REQUIRE(is_aligned(a) && is_aligned(b) && is_aligned(c) && is_aligned(d), NOT_SUPPORTED)           \
  REQUIRE(on_device(buffer, workspace(*plan)), INVALID_VALUE)                                        \
  const MatmulDescriptor& product = plan->product;                                                   \
  const Matrix right = placed(product.b, b);                                                         \
  const Product todo{                                                                                \
      {static_cast<std::byte*>(const_cast<void*>(a)), product.a.matrix},                             \
      product.transposes_b ? right.transposed() : right,                                             \
      placed(product.c, c),                                                                          \
      placed(product.c, d),                                                                          \
      *alpha,                                                                                        \
      *beta};                                                                                        \
  return enqueue(name, count == 0 ? nullptr : *streams, [todo] { return todo.run(); }) ? OK          \
                                                                                      : EXECUTION_FAILED;

COPPICE_EXPORT int cusparseLtMatmul(const Handle* handle, const Plan* plan, MATMUL_PARAMETERS) {
  ENTER("cusparseLtMatmul", EXECUTION_FAILED)
  MULTIPLY("cusparseLtMatmul")
}

COPPICE_EXPORT int cusparseLtMatmulSearch(const Handle* handle, Plan* plan, MATMUL_PARAMETERS) {
  ENTER("cusparseLtMatmulSearch", EXECUTION_FAILED)
  plan->selection->id = FOUND;
  MULTIPLY("cusparseLtMatmulSearch")
}

COPPICE_EXPORT int cusparseLtSpMMACompressedSize2(const Handle* handle, const MatDescriptor* matrix,
                                                  std::size_t* compressed, std::size_t* buffer) {
  ENTER("cusparseLtSpMMACompressedSize2", NOT_INITIALIZED)
  REQUIRE_INITIALIZED(handle)
  REQUIRE(has(matrix->token) && matrix->structured, INVALID_VALUE)
  *compressed = Compressed{nullptr, matrix->matrix}.bytes();
  *buffer = 64;
  return OK;
}

COPPICE_EXPORT int cusparseLtSpMMACompress2(const Handle* handle, const MatDescriptor* matrix, int is_a, int op,
                                            const void* dense, void* compressed, void* buffer, CUstream stream) {
  ENTER("cusparseLtSpMMACompress2", EXECUTION_FAILED)
  REQUIRE_INITIALIZED(handle)
  REQUIRE(has(matrix->token) && matrix->structured && is_a == 1 && op == 0, INVALID_VALUE)
  REQUIRE(is_aligned(dense) && is_aligned(compressed) && on_device(buffer, 64), INVALID_VALUE)
  const Compression todo{placed(*matrix, dense), {static_cast<std::byte*>(compressed), matrix->matrix}};
  return enqueue("cusparseLtSpMMACompress2", stream, [todo] { return todo.run(); }) ? OK : EXECUTION_FAILED;
}
