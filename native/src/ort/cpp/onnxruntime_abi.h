// The part of ONNX Runtime's C interface that a custom operator needs, declared anew: its header is in no package that a
// build can rely on. Both structures grow at their end alone, so that places in them never change. Source: the public
// header include/onnxruntime/core/session/onnxruntime_c_api.h of github.com/microsoft/onnxruntime.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct OrtCustomOpDomain;
struct OrtKernelContext;
struct OrtKernelInfo;
struct OrtOpAttr;
struct OrtSessionOptions;
struct OrtShapeInferContext;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtValue;

// All functions, by place, up to the last that is called; Entry below says which.
struct OrtApi {
  void (*functions[275])();
};

struct OrtApiBase {
  const OrtApi* (*GetApi)(std::uint32_t version);
  const char* (*GetVersionString)();
};

// As of version 17; what later ones append is looked at only where `version` says that it is there.
struct OrtCustomOp {
  std::uint32_t version;
  void* (*CreateKernel)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*);
  const char* (*GetName)(const OrtCustomOp*);
  const char* (*GetExecutionProviderType)(const OrtCustomOp*);
  int (*GetInputType)(const OrtCustomOp*, std::size_t);
  std::size_t (*GetInputTypeCount)(const OrtCustomOp*);
  int (*GetOutputType)(const OrtCustomOp*, std::size_t);
  std::size_t (*GetOutputTypeCount)(const OrtCustomOp*);
  void (*KernelCompute)(void*, OrtKernelContext*);
  void (*KernelDestroy)(void*);
  int (*GetInputCharacteristic)(const OrtCustomOp*, std::size_t);
  int (*GetOutputCharacteristic)(const OrtCustomOp*, std::size_t);
  int (*GetInputMemoryType)(const OrtCustomOp*, std::size_t);
  int (*GetVariadicInputMinArity)(const OrtCustomOp*);
  int (*GetVariadicInputHomogeneity)(const OrtCustomOp*);
  int (*GetVariadicOutputMinArity)(const OrtCustomOp*);
  int (*GetVariadicOutputHomogeneity)(const OrtCustomOp*);
  OrtStatus* (*CreateKernelV2)(const OrtCustomOp*, const OrtApi*, const OrtKernelInfo*, void**);
  OrtStatus* (*KernelComputeV2)(void*, OrtKernelContext*);
  OrtStatus* (*InferOutputShapeFn)(const OrtCustomOp*, OrtShapeInferContext*);
  int (*GetStartVersion)(const OrtCustomOp*);
  int (*GetEndVersion)(const OrtCustomOp*);
};

}  // extern "C"

namespace coppice::ort {

// Release 1.17: the first that lends an operator the threads of the session.
constexpr std::uint32_t api_version = 17;

enum ErrorCode { fail = 1, invalid_argument = 2 };
enum ElementType { any_type = 0, f32 = 1, u8 = 2, i32 = 6, i64 = 7, u32 = 12 };
enum Characteristic { required = 0, optional = 1 };
constexpr int default_memory = 0;
constexpr int integer_attribute = 1;

// A function of OrtApi: its place, and how it is called.
template <std::size_t Place, class Function>
struct Entry;

template <std::size_t Place, class Result, class... Arguments>
struct Entry<Place, Result(Arguments...)> {
  const OrtApi* api;

  Result operator()(Arguments... arguments) const {
    return reinterpret_cast<Result (*)(Arguments...)>(api->functions[Place])(arguments...);
  }
};

using CreateStatus = Entry<0, OrtStatus*(int, const char*)>;
using CreateCustomOpDomain = Entry<26, OrtStatus*(const char*, OrtCustomOpDomain**)>;
using CustomOpDomain_Add = Entry<27, OrtStatus*(OrtCustomOpDomain*, const OrtCustomOp*)>;
using AddCustomOpDomain = Entry<28, OrtStatus*(OrtSessionOptions*, OrtCustomOpDomain*)>;
using GetTensorMutableData = Entry<51, OrtStatus*(OrtValue*, void**)>;
using CreateTensorTypeAndShapeInfo = Entry<57, OrtStatus*(OrtTensorTypeAndShapeInfo**)>;
using SetTensorElementType = Entry<58, OrtStatus*(OrtTensorTypeAndShapeInfo*, int)>;
using SetDimensions = Entry<59, OrtStatus*(OrtTensorTypeAndShapeInfo*, const std::int64_t*, std::size_t)>;
using GetTensorElementType = Entry<60, OrtStatus*(const OrtTensorTypeAndShapeInfo*, int*)>;
using GetDimensionsCount = Entry<61, OrtStatus*(const OrtTensorTypeAndShapeInfo*, std::size_t*)>;
using GetDimensions = Entry<62, OrtStatus*(const OrtTensorTypeAndShapeInfo*, std::int64_t*, std::size_t)>;
using GetSymbolicDimensions = Entry<63, OrtStatus*(const OrtTensorTypeAndShapeInfo*, const char**, std::size_t)>;
using GetTensorTypeAndShape = Entry<65, OrtStatus*(const OrtValue*, OrtTensorTypeAndShapeInfo**)>;
using KernelInfoGetAttribute_int64 = Entry<86, OrtStatus*(const OrtKernelInfo*, const char*, std::int64_t*)>;
using KernelInfoGetAttribute_string = Entry<87, OrtStatus*(const OrtKernelInfo*, const char*, char*, std::size_t*)>;
using KernelContext_GetInput = Entry<90, OrtStatus*(const OrtKernelContext*, std::size_t, const OrtValue**)>;
using KernelContext_GetOutput =
    Entry<91, OrtStatus*(OrtKernelContext*, std::size_t, const std::int64_t*, std::size_t, OrtValue**)>;
using ReleaseStatus = Entry<93, void(OrtStatus*)>;
using ReleaseTensorTypeAndShapeInfo = Entry<99, void(OrtTensorTypeAndShapeInfo*)>;
using KernelInfo_GetInputCount = Entry<230, OrtStatus*(const OrtKernelInfo*, std::size_t*)>;
using KernelInfo_GetInputName = Entry<232, OrtStatus*(const OrtKernelInfo*, std::size_t, char*, std::size_t*)>;
using KernelInfo_GetNodeName = Entry<244, OrtStatus*(const OrtKernelInfo*, char*, std::size_t*)>;
using KernelInfoGetConstantInput_tensor = Entry<249, OrtStatus*(const OrtKernelInfo*, std::size_t, int*, const OrtValue**)>;
using ShapeInferContext_GetInputTypeShape =
    Entry<268, OrtStatus*(const OrtShapeInferContext*, std::size_t, OrtTensorTypeAndShapeInfo**)>;
using ShapeInferContext_GetAttribute = Entry<269, OrtStatus*(const OrtShapeInferContext*, const char*, const OrtOpAttr**)>;
using ShapeInferContext_SetOutputTypeShape =
    Entry<270, OrtStatus*(const OrtShapeInferContext*, std::size_t, const OrtTensorTypeAndShapeInfo*)>;
using SetSymbolicDimensions = Entry<271, OrtStatus*(OrtTensorTypeAndShapeInfo*, const char**, std::size_t)>;
using ReadOpAttr = Entry<272, OrtStatus*(const OrtOpAttr*, int, void*, std::size_t, std::size_t*)>;
using KernelContext_ParallelFor =
    Entry<274, OrtStatus*(const OrtKernelContext*, void (*)(void*, std::size_t), std::size_t, std::size_t, void*)>;

}  // namespace coppice::ort
