// Binds cuSPARSELt to dev.coppice.cuda.CusparseLt. Y = W X: W [out, in] is structured and held by rows; X is the
// transpose of x [batch, in], held by rows; Y [out, batch] is held by columns, which is y [batch, out] by rows.
#include "cusparselt.h"

#include <dlfcn.h>
#include <jni.h>

#include <memory>

namespace {

using namespace coppice::cusparselt;

constexpr std::uint32_t ALIGNMENT = 16;
constexpr float ONE = 1;

Library library;

// The call that failed last in this thread.
thread_local const char* failed = "";

struct Session {
  Opaque handle;
};

struct Weights {
  const Session* session;
  Opaque matrix;
  int type;
  std::int64_t out;
  std::int64_t in;
};

struct Plan {
  const Weights* weights;
  Opaque x;
  Opaque y;
  Opaque product;
  Opaque algorithm;
  Opaque plan;
  int made = 0;  // how many of x, y, algorithm and plan, in this order, are to be destroyed
};

#define CALL(name, ...) check("cusparseLt" #name, library.name(__VA_ARGS__))

int check(const char* name, int status) {
  if (status != 0) {
    failed = name;
  }
  return status;
}

template <typename Function>
const char* find(void* from, const char* name, Function*& into) {
  into = reinterpret_cast<Function*>(dlsym(from, name));
  return into == nullptr ? name : nullptr;
}

// Gives the name of a function that is missing, or null.
const char* find_all(void* from) {
  find(from, "cusparseLtMatmulAlgSelectionDestroy", library.MatmulAlgSelectionDestroy);
#define FIND(name)                                                                                \
  if (const char* missing = find(from, "cusparseLt" #name, library.name); missing != nullptr) { \
    return missing;                                                                               \
  }
  FIND(Init)
  FIND(Destroy)
  FIND(GetVersion)
  FIND(DenseDescriptorInit)
  FIND(StructuredDescriptorInit)
  FIND(MatDescriptorDestroy)
  FIND(MatmulDescriptorInit)
  FIND(MatmulAlgSelectionInit)
  FIND(MatmulPlanInit)
  FIND(MatmulPlanDestroy)
  FIND(MatmulGetWorkspace)
  FIND(MatmulSearch)
  FIND(Matmul)
  FIND(SpMMACompressedSize2)
  FIND(SpMMACompress2)
  return nullptr;
}

int init_dense(const Weights& w, Opaque& made, std::int64_t rows, std::int64_t columns, std::int64_t ld,
               Order order) {
  return CALL(DenseDescriptorInit, &w.session->handle, &made, rows, columns, ld, ALIGNMENT, w.type, order);
}

int destroy_algorithm(const Plan& plan) {
  return library.MatmulAlgSelectionDestroy == nullptr
             ? 0
             : CALL(MatmulAlgSelectionDestroy, &plan.algorithm);
}

// Destroys all that was made, and gives the first error.
int destroy(const Plan& plan) {
  int first = 0;
  const auto keep = [&first](int status) { first = first == 0 ? status : first; };
  if (plan.made > 3) {
    keep(CALL(MatmulPlanDestroy, &plan.plan));
  }
  if (plan.made > 2) {
    keep(destroy_algorithm(plan));
  }
  if (plan.made > 1) {
    keep(CALL(MatDescriptorDestroy, &plan.y));
  }
  if (plan.made > 0) {
    keep(CALL(MatDescriptorDestroy, &plan.x));
  }
  return first;
}

int init_plan(Plan& plan) {
  const int status = CALL(MatmulPlanInit, &plan.weights->session->handle, &plan.plan, &plan.product, &plan.algorithm);
  plan.made = status == 0 ? 4 : 3;
  return status;
}

int workspace(const Plan& plan, std::size_t& bytes) {
  return CALL(MatmulGetWorkspace, &plan.weights->session->handle, &plan.plan, &bytes);
}

int init(Plan& plan, std::int64_t batch) {
  const Weights& w = *plan.weights;
  const Opaque* const handle = &w.session->handle;
  if (const int status = init_dense(w, plan.x, batch, w.in, w.in, ROWS); status != 0) {
    return status;
  }
  plan.made = 1;
  if (const int status = init_dense(w, plan.y, w.out, batch, w.out, COLUMNS); status != 0) {
    return status;
  }
  plan.made = 2;
  int status = CALL(MatmulDescriptorInit, handle, &plan.product, AS_IS, TRANSPOSED, &w.matrix, &plan.x, &plan.y,
                    &plan.y, COMPUTE_32F);
  if (status == 0) {
    status = CALL(MatmulAlgSelectionInit, handle, &plan.algorithm, &plan.product, DEFAULT);
  }
  if (status != 0) {
    return status;
  }
  plan.made = 3;
  return init_plan(plan);
}

template <typename T>
T* at(jlong address) {
  return reinterpret_cast<T*>(address);
}

// Gives Java a new object and numbers that belong to it.
template <typename T>
void give(JNIEnv* env, jlongArray made, std::unique_ptr<T> object, std::size_t first = 0, std::size_t second = 0) {
  const jlong values[] = {reinterpret_cast<jlong>(object.release()), static_cast<jlong>(first),
                          static_cast<jlong>(second)};
  env->SetLongArrayRegion(made, 0, env->GetArrayLength(made), values);
}

}  // namespace

#define NATIVE(result, name, ...) \
  extern "C" JNIEXPORT result JNICALL Java_dev_coppice_cuda_CusparseLt_##name(JNIEnv* env, jclass, __VA_ARGS__)

NATIVE(jstring, load, jstring name) {
  const char* characters = env->GetStringUTFChars(name, nullptr);
  if (characters == nullptr) {
    return nullptr;  // An OutOfMemoryError is thrown.
  }
  void* const found = dlopen(characters, RTLD_NOW | RTLD_LOCAL);
  env->ReleaseStringUTFChars(name, characters);
  const char* const missing = found == nullptr ? dlerror() : find_all(found);
  return missing == nullptr ? nullptr : env->NewStringUTF(missing);
}

extern "C" JNIEXPORT jstring JNICALL Java_dev_coppice_cuda_CusparseLt_failed(JNIEnv* env, jclass) {
  return env->NewStringUTF(failed);
}

NATIVE(jint, open, jlongArray made) {
  auto session = std::make_unique<Session>();
  const int status = CALL(Init, &session->handle);
  if (status == 0) {
    give(env, made, std::move(session));
  }
  return status;
}

NATIVE(jint, version, jlong session, jintArray made) {
  jint version = 0;
  const int status = CALL(GetVersion, &at<Session>(session)->handle, &version);
  env->SetIntArrayRegion(made, 0, 1, &version);
  return status;
}

NATIVE(jint, close, jlong session) {
  static_cast<void>(env);
  const std::unique_ptr<Session> owned(at<Session>(session));
  return CALL(Destroy, &owned->handle);
}

NATIVE(jint, describe, jlong session, jint type, jlong out, jlong in, jlongArray made) {
  auto weights = std::make_unique<Weights>(Weights{at<Session>(session), {}, type, out, in});
  const Opaque* const handle = &weights->session->handle;
  int status = CALL(StructuredDescriptorInit, handle, &weights->matrix, out, in, in, ALIGNMENT, type, ROWS, HALF);
  if (status != 0) {
    return status;
  }
  std::size_t compressed = 0;
  std::size_t buffer = 0;
  status = CALL(SpMMACompressedSize2, handle, &weights->matrix, &compressed, &buffer);
  if (status != 0) {
    library.MatDescriptorDestroy(&weights->matrix);
    return status;
  }
  give(env, made, std::move(weights), compressed, buffer);
  return status;
}

NATIVE(jint, compress, jlong weights, jlong dense, jlong compressed, jlong buffer, jlong stream) {
  static_cast<void>(env);
  const Weights& w = *at<Weights>(weights);
  return CALL(SpMMACompress2, &w.session->handle, &w.matrix, 1, AS_IS, at<void>(dense), at<void>(compressed),
              at<void>(buffer), at<CUstream_st>(stream));
}

NATIVE(jint, release, jlong weights) {
  static_cast<void>(env);
  const std::unique_ptr<Weights> owned(at<Weights>(weights));
  return CALL(MatDescriptorDestroy, &owned->matrix);
}

NATIVE(jint, plan, jlong weights, jlong batch, jlongArray made) {
  auto plan = std::make_unique<Plan>();
  plan->weights = at<Weights>(weights);
  std::size_t bytes = 0;
  int status = init(*plan, batch);
  if (status == 0) {
    status = workspace(*plan, bytes);
  }
  if (status != 0) {
    const char* const cause = failed;
    destroy(*plan);
    failed = cause;
    return status;
  }
  give(env, made, std::move(plan), bytes);
  return status;
}

// The selection of the algorithm holds what was found; a plan made of it anew says what workspace that takes.
NATIVE(jint, search, jlong made, jlong compressed, jlong x, jlong y, jlong buffer, jlong stream, jlongArray bytes) {
  Plan& plan = *at<Plan>(made);
  constexpr float zero = 0;
  auto* into = at<CUstream_st>(stream);
  int status = CALL(MatmulSearch, &plan.weights->session->handle, &plan.plan, &ONE, at<void>(compressed),
                    at<void>(x), &zero, at<void>(y), at<void>(y), at<void>(buffer), &into, 1);
  if (status == 0) {
    plan.made = 3;
    status = CALL(MatmulPlanDestroy, &plan.plan);
  }
  if (status == 0) {
    status = init_plan(plan);
  }
  std::size_t needed = 0;
  if (status == 0) {
    status = workspace(plan, needed);
  }
  const auto given = static_cast<jlong>(needed);
  env->SetLongArrayRegion(bytes, 0, 1, &given);
  return status;
}

NATIVE(jint, multiply, jlong made, jlong compressed, jlong x, jfloat beta, jlong y, jlong buffer, jlong stream) {
  static_cast<void>(env);
  const Plan& plan = *at<Plan>(made);
  auto* into = at<CUstream_st>(stream);
  return CALL(Matmul, &plan.weights->session->handle, &plan.plan, &ONE, at<void>(compressed), at<void>(x), &beta,
              at<void>(y), at<void>(y), at<void>(buffer), &into, 1);
}

NATIVE(jint, destroy, jlong made) {
  static_cast<void>(env);
  const std::unique_ptr<Plan> owned(at<Plan>(made));
  return destroy(*owned);
}
