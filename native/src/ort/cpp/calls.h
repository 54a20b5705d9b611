// Calls of ONNX Runtime, and what becomes of their failures.
#pragma once

#include <exception>
#include <memory>
#include <stdexcept>
#include <vector>

#include "onnxruntime_abi.h"

namespace coppice::ort {

// A failure that ONNX Runtime itself has described.
struct Refused {
  OrtStatus* status;
};

inline void check(OrtStatus* status) {
  if (status != nullptr) {
    throw Refused{status};
  }
}

// Runs a body of which no exception may get out.
template <class Body>
OrtStatus* guarded(const OrtApi* api, Body body) noexcept {
  try {
    body();
    return nullptr;
  } catch (const Refused& refused) {
    return refused.status;
  } catch (const std::invalid_argument& wrong) {
    return CreateStatus{api}(invalid_argument, wrong.what());
  } catch (const std::exception& failure) {
    return CreateStatus{api}(fail, failure.what());
  } catch (...) {
    return CreateStatus{api}(fail, "dev.coppice:SparseLinear has failed");
  }
}

struct Tensor {
  const void* data;
  int type;
  std::vector<std::int64_t> shape;

  std::int64_t elements() const {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
      count *= size;  // ONNX Runtime has made it: it fits into memory.
    }
    return count;
  }
};

struct ReleaseShapeInfo {
  const OrtApi* api;

  void operator()(OrtTensorTypeAndShapeInfo* info) const { ReleaseTensorTypeAndShapeInfo{api}(info); }
};

using ShapeInfo = std::unique_ptr<OrtTensorTypeAndShapeInfo, ReleaseShapeInfo>;

inline Tensor tensor(const OrtApi* api, const OrtValue* value) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(GetTensorTypeAndShape{api}(value, &info));
  const ShapeInfo owned(info, {api});
  Tensor found{};
  std::size_t rank = 0;
  check(GetTensorElementType{api}(info, &found.type));
  check(GetDimensionsCount{api}(info, &rank));
  found.shape.resize(rank);
  check(GetDimensions{api}(info, found.shape.data(), rank));
  void* data = nullptr;
  check(GetTensorMutableData{api}(const_cast<OrtValue*>(value), &data));
  found.data = data;
  return found;
}

}  // namespace coppice::ort
