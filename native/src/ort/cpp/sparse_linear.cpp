// The operator dev.coppice:SparseLinear of ONNX Runtime, version 1: y = x W^T + bias.
//
//   attributes  format "bitmap", "2:4" or "csr"; out, in: W is [out, in]
//   inputs      x [.., in] F32; values F32; index: bits U8, positions U32 or columns I32; offsets: I64 of a bitmap, I32
//               of CSR, none of 2:4; bias F32 [out] (optional). All but x are constants.
//   output      y [.., out] F32
#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "fault.h"
#include "product.h"

namespace coppice::ort {
namespace {

enum Input : std::size_t { input_x, input_values, input_index, input_offsets, input_bias, inputs };

// A layer of a session: its parts are checked once, when it is made. ONNX Runtime keeps them as long as the session.
class Kernel {
 public:
  Kernel(const OrtApi* api, const OrtKernelInfo* info) : api_(api) {
    std::string wrong;
    try {
      read(info);
      wrong = fault(stored_);
    } catch (const std::invalid_argument& e) {
      wrong = e.what();
    }
    if (!wrong.empty()) {
      throw std::invalid_argument("dev.coppice:SparseLinear \"" + name(info) + "\": " + wrong);
    }
  }

  void compute(OrtKernelContext* context) const {
    const coppice_weights& weights = stored_.weights;
    const OrtValue* input = nullptr;
    check(KernelContext_GetInput{api_}(context, input_x, &input));
    Tensor x = tensor(api_, input);
    if (x.shape.empty() || x.shape.back() != weights.in) {
      throw std::invalid_argument("dev.coppice:SparseLinear: the last axis of x must be " + std::to_string(weights.in) +
                                  (x.shape.empty() ? ", and it has none" : ", not " + std::to_string(x.shape.back())));
    }
    const std::int64_t batch = x.elements() / weights.in;
    x.shape.back() = weights.out;
    OrtValue* output = nullptr;
    check(KernelContext_GetOutput{api_}(context, 0, x.shape.data(), x.shape.size(), &output));
    void* y = nullptr;
    check(GetTensorMutableData{api_}(output, &y));
    // The inputs that a thread holds are 16 MiB, or 16 rows.
    constexpr std::int64_t most_bytes = 16 << 20;
    constexpr std::int64_t unit = 16;
    const std::int64_t fitting = most_bytes / (weights.in * static_cast<std::int64_t>(sizeof(float))) / unit * unit;
    const std::int64_t most = std::clamp<std::int64_t>(fitting, unit, 256);
    for (std::int64_t b = 0; b < batch; b += most) {
      Product product(weights, static_cast<const float*>(x.data) + b * weights.in, std::min(most, batch - b),
                      static_cast<float*>(y) + b * weights.out,
                      stored_.values * static_cast<std::int64_t>(sizeof(float)) + stored_.index * index_bytes());
      product.run(api_, context);
    }
  }

 private:
  void read(const OrtKernelInfo* info) {
    coppice_weights& weights = stored_.weights;
    weights.format = format(info);
    weights.dtype = COPPICE_F32;
    check(KernelInfoGetAttribute_int64{api_}(info, "out", &weights.out));
    check(KernelInfoGetAttribute_int64{api_}(info, "in", &weights.in));
    weights.values = part(info, input_values, "values", f32, stored_.values);
    switch (weights.format) {
      case COPPICE_BITMAP:
        weights.index = part(info, input_index, "bits", u8, stored_.index);
        weights.offsets = part(info, input_offsets, "offsets", i64, stored_.offsets);
        break;
      case COPPICE_TWO_FOUR:
        weights.index = part(info, input_index, "positions", u32, stored_.index);
        break;
      default:
        weights.index = part(info, input_index, "columns", i32, stored_.index);
        weights.offsets = part(info, input_offsets, "offsets", i32, stored_.offsets);
    }
    if (is_there(info, input_bias)) {
      std::int64_t elements = 0;
      weights.bias = part(info, input_bias, "bias", f32, elements);
      if (elements != weights.out) {
        throw std::invalid_argument("the bias must be " + std::to_string(weights.out) + " elements, not " +
                                    std::to_string(elements));
      }
    }
  }

  std::int64_t index_bytes() const { return stored_.weights.format == COPPICE_BITMAP ? 1 : 4; }

  std::int64_t format(const OrtKernelInfo* info) const {
    char text[32];
    std::size_t size = sizeof text;
    check(KernelInfoGetAttribute_string{api_}(info, "format", text, &size));
    const std::string found(text);
    if (found == "bitmap") {
      return COPPICE_BITMAP;
    }
    if (found == "2:4") {
      return COPPICE_TWO_FOUR;
    }
    if (found == "csr") {
      return COPPICE_CSR;
    }
    throw std::invalid_argument("its format must be bitmap, 2:4 or csr, not " + found);
  }

  bool is_there(const OrtKernelInfo* info, Input input) const {
    std::size_t count = 0;
    check(KernelInfo_GetInputCount{api_}(info, &count));
    std::size_t length = 1;
    if (count > input) {
      check(KernelInfo_GetInputName{api_}(info, input, nullptr, &length));
    }
    return length > 1;  // With its end.
  }

  const void* part(const OrtKernelInfo* info, Input input, const char* what, int type, std::int64_t& elements) const {
    int is_constant = 0;
    const OrtValue* value = nullptr;
    if (is_there(info, input)) {
      check(KernelInfoGetConstantInput_tensor{api_}(info, input, &is_constant, &value));
    }
    if (is_constant == 0 || value == nullptr) {
      throw std::invalid_argument(std::string("the ") + what + " must be a constant of the model");
    }
    const Tensor found = tensor(api_, value);
    if (found.type != type) {
      throw std::invalid_argument(std::string("the ") + what + " must be of the type that the format says");
    }
    elements = found.elements();
    // What has no elements has no address, and even none of them may not be copied from there.
    return found.data != nullptr ? found.data : "";
  }

  std::string name(const OrtKernelInfo* info) const {
    std::size_t size = 0;
    check(KernelInfo_GetNodeName{api_}(info, nullptr, &size));
    std::string name(size, '\0');
    check(KernelInfo_GetNodeName{api_}(info, name.data(), &size));
    return name.substr(0, name.find('\0'));
  }

  const OrtApi* api_;
  Stored stored_{};
};

struct Handle {
  const OrtApi* api;
  Kernel kernel;
};

int input_type(const OrtCustomOp*, std::size_t input) {
  return input == input_index || input == input_offsets ? any_type : f32;
}

OrtStatus* create(const OrtCustomOp*, const OrtApi* api, const OrtKernelInfo* info, void** made) {
  return guarded(api, [&] { *made = new Handle{api, Kernel(api, info)}; });
}

OrtStatus* compute(void* made, OrtKernelContext* context) {
  const auto* handle = static_cast<const Handle*>(made);
  return guarded(handle->api, [&] { handle->kernel.compute(context); });
}

// The operator as one runtime knows it.
struct Operator : OrtCustomOp {
  const OrtApi* api;
};

// Says the shape of y, as far as that of x is known.
OrtStatus* infer(const OrtCustomOp* self, OrtShapeInferContext* context) {
  const OrtApi* api = static_cast<const Operator*>(self)->api;
  return guarded(api, [=] {
    OrtTensorTypeAndShapeInfo* x = nullptr;
    if (OrtStatus* status = ShapeInferContext_GetInputTypeShape{api}(context, input_x, &x); status != nullptr) {
      ReleaseStatus{api}(status);
      return;
    }
    std::size_t rank = 0;
    check(GetDimensionsCount{api}(x, &rank));
    if (rank == 0) {
      return;  // Not known: x has one axis at least.
    }
    std::vector<std::int64_t> shape(rank);
    std::vector<const char*> symbols(rank);
    check(GetDimensions{api}(x, shape.data(), rank));
    check(GetSymbolicDimensions{api}(x, symbols.data(), rank));
    const OrtOpAttr* attribute = nullptr;
    std::size_t size = 0;
    check(ShapeInferContext_GetAttribute{api}(context, "out", &attribute));
    check(ReadOpAttr{api}(attribute, integer_attribute, &shape.back(), sizeof shape.back(), &size));
    symbols.back() = "";
    // ONNX Runtime takes a size without a name for a number, and -1 for one: what is not known needs a name of its own.
    static std::atomic<std::uint64_t> unknown{0};
    std::vector<std::string> names(rank);
    for (std::size_t axis = 0; axis + 1 < rank; axis++) {
      if (shape[axis] < 0 && *symbols[axis] == '\0') {
        names[axis] = "dev.coppice.unknown" + std::to_string(unknown++);
        symbols[axis] = names[axis].c_str();
      }
    }
    OrtTensorTypeAndShapeInfo* y = nullptr;
    check(CreateTensorTypeAndShapeInfo{api}(&y));
    const ShapeInfo owned(y, {api});
    check(SetTensorElementType{api}(y, f32));
    check(SetDimensions{api}(y, shape.data(), rank));
    check(SetSymbolicDimensions{api}(y, symbols.data(), rank));
    check(ShapeInferContext_SetOutputTypeShape{api}(context, 0, y));
  });
}

constexpr OrtCustomOp sparse_linear = {
    .version = api_version,
    .CreateKernel = nullptr,
    .GetName = [](const OrtCustomOp*) { return "SparseLinear"; },
    .GetExecutionProviderType = [](const OrtCustomOp*) { return "CPUExecutionProvider"; },
    .GetInputType = input_type,
    .GetInputTypeCount = [](const OrtCustomOp*) { return std::size_t{inputs}; },
    .GetOutputType = [](const OrtCustomOp*, std::size_t) { return int{f32}; },
    .GetOutputTypeCount = [](const OrtCustomOp*) { return std::size_t{1}; },
    .KernelCompute = nullptr,
    .KernelDestroy = [](void* made) { delete static_cast<Handle*>(made); },
    .GetInputCharacteristic = [](const OrtCustomOp*, std::size_t input) {
      return int{input < input_offsets ? required : optional};
    },
    .GetOutputCharacteristic = [](const OrtCustomOp*, std::size_t) { return int{required}; },
    .GetInputMemoryType = [](const OrtCustomOp*, std::size_t) { return default_memory; },
    .GetVariadicInputMinArity = [](const OrtCustomOp*) { return 1; },
    .GetVariadicInputHomogeneity = [](const OrtCustomOp*) { return 1; },
    .GetVariadicOutputMinArity = [](const OrtCustomOp*) { return 1; },
    .GetVariadicOutputHomogeneity = [](const OrtCustomOp*) { return 1; },
    .CreateKernelV2 = create,
    .KernelComputeV2 = compute,
    .InferOutputShapeFn = infer,
    .GetStartVersion = [](const OrtCustomOp*) { return 1; },
    .GetEndVersion = [](const OrtCustomOp*) { return 1; },
};

// Gives the operator's domain, one for each runtime in the process; they live as long as this library, which is never
// unloaded.
OrtCustomOpDomain* domain(const OrtApi* api) {
  static std::mutex mutex;
  static auto& domains = *new std::vector<std::pair<const OrtApi*, OrtCustomOpDomain*>>;
  const std::lock_guard lock(mutex);
  for (const auto& [runtime, made] : domains) {
    if (runtime == api) {
      return made;
    }
  }
  domains.reserve(domains.size() + 1);
  OrtCustomOpDomain* made = nullptr;
  check(CreateCustomOpDomain{api}("dev.coppice", &made));
  check(CustomOpDomain_Add{api}(made, new Operator{sparse_linear, api}));
  domains.emplace_back(api, made);
  return made;
}

}  // namespace
}  // namespace coppice::ort

extern "C" __attribute__((visibility("default"))) OrtStatus* RegisterCustomOps(OrtSessionOptions* options,
                                                                               const OrtApiBase* base) noexcept {
  using namespace coppice::ort;
  const OrtApi* api = base->GetApi(api_version);
  if (api == nullptr) {
    return guarded(base->GetApi(1), [base] {
      throw std::invalid_argument(std::string("dev.coppice:SparseLinear needs ONNX Runtime 1.17 or newer, and this is ") +
                                  base->GetVersionString());
    });
  }
  return guarded(api, [=] { check(AddCustomOpDomain{api}(options, domain(api))); });
}
