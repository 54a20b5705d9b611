// The operator dev.coppice:SparseLinear of ONNX Runtime, version 1: y = x W^T + bias.
//
//   attributes  format "bitmap" or "2:4"; out, in: W is [out, in]
//   inputs      x [.., in] F32; values F32; index: bits U8 or positions U32; offsets I64 (bitmap alone); bias F32 [out]
//               (optional). All but x are constants.
//   output      y [.., out] F32
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "layer.h"
#include "onnxruntime_abi.h"

namespace coppice::ort {
namespace {

enum Input : std::size_t { input_x, input_values, input_index, input_offsets, input_bias, inputs };

// A failure that ONNX Runtime itself has described.
struct Refused {
  OrtStatus* status;
};

void check(OrtStatus* status) {
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

Tensor tensor(const OrtApi* api, const OrtValue* value) {
  OrtTensorTypeAndShapeInfo* info = nullptr;
  check(GetTensorTypeAndShape{api}(value, &info));
  const auto release = [api](OrtTensorTypeAndShapeInfo* made) { ReleaseTensorTypeAndShapeInfo{api}(made); };
  const std::unique_ptr<OrtTensorTypeAndShapeInfo, decltype(release)> owned(info, release);
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

// A layer of a session: its parts are checked once, when it is made.
class Kernel {
 public:
  Kernel(const OrtApi* api, const OrtKernelInfo* info) : api_(api) {
    std::string wrong;
    try {
      read(info);
      wrong = fault(layer_);
    } catch (const std::invalid_argument& e) {
      wrong = e.what();
    }
    if (!wrong.empty()) {
      throw std::invalid_argument("dev.coppice:SparseLinear \"" + name(info) + "\": " + wrong);
    }
  }

  void compute(OrtKernelContext* context) const {
    const OrtValue* input = nullptr;
    check(KernelContext_GetInput{api_}(context, input_x, &input));
    Tensor x = tensor(api_, input);
    if (x.shape.empty() || x.shape.back() != layer_.in) {
      throw std::invalid_argument("dev.coppice:SparseLinear: the last axis of x must be " + std::to_string(layer_.in) +
                                  (x.shape.empty() ? ", and it has none" : ", not " + std::to_string(x.shape.back())));
    }
    const std::int64_t batch = x.elements() / layer_.in;
    x.shape.back() = layer_.out;
    OrtValue* output = nullptr;
    check(KernelContext_GetOutput{api_}(context, 0, x.shape.data(), x.shape.size(), &output));
    void* y = nullptr;
    check(GetTensorMutableData{api_}(output, &y));
    if (batch > 0) {
      run(context, static_cast<const float*>(x.data), batch, static_cast<float*>(y));
    }
  }

 private:
  // What the threads of a session do together.
  struct Work {
    const Layer* layer;
    const float* x;
    std::int64_t batch;
    float* y;
    std::int64_t rows;  // of a task
  };

  void run(OrtKernelContext* context, const float* x, std::int64_t batch, float* y) const {
    // A task takes some tens of microseconds; tasks begin at the first row of a tile.
    constexpr std::int64_t task_weights = 1 << 17;
    constexpr std::int64_t tile_rows = 16;
    const std::int64_t rows = (task_weights / layer_.in / tile_rows + 1) * tile_rows;
    Work work{&layer_, x, batch, y, rows};
    const auto task = [](void* data, std::size_t index) {
      const Work& w = *static_cast<const Work*>(data);
      const std::int64_t from = static_cast<std::int64_t>(index) * w.rows;
      const std::int64_t to = from + w.rows < w.layer->out ? from + w.rows : w.layer->out;
      product(*w.layer, w.x, w.batch, w.y, from, to);
    };
    check(KernelContext_ParallelFor{api_}(context, task, static_cast<std::size_t>((layer_.out + rows - 1) / rows), 0,
                                          &work));
  }

  void read(const OrtKernelInfo* info) {
    layer_.format = format(info);
    check(KernelInfoGetAttribute_int64{api_}(info, "out", &layer_.out));
    check(KernelInfoGetAttribute_int64{api_}(info, "in", &layer_.in));
    const bool bitmap = layer_.format == Format::bitmap;
    layer_.values = part(info, input_values, "values", f32);
    layer_.index = bitmap ? part(info, input_index, "bits", u8) : part(info, input_index, "positions", u32);
    layer_.offsets = bitmap ? part(info, input_offsets, "offsets", i64) : Part{};
    std::size_t count = 0;
    check(KernelInfo_GetInputCount{api_}(info, &count));
    const OrtValue* bias = count > input_bias ? constant(info, input_bias) : nullptr;
    if (bias != nullptr) {
      const Part found = part(info, input_bias, "bias", f32);
      if (found.elements != layer_.out) {
        throw std::invalid_argument("the bias must be " + std::to_string(layer_.out) + " elements, not " +
                                    std::to_string(found.elements));
      }
      layer_.bias = static_cast<const float*>(found.data);
    }
  }

  Format format(const OrtKernelInfo* info) const {
    char text[32];
    std::size_t size = sizeof text;
    check(KernelInfoGetAttribute_string{api_}(info, "format", text, &size));
    const std::string found(text);
    if (found != "bitmap" && found != "2:4") {
      throw std::invalid_argument("its format must be bitmap or 2:4, not " + found);
    }
    return found == "bitmap" ? Format::bitmap : Format::two_four;
  }

  // A constant input, or null where there is none.
  const OrtValue* constant(const OrtKernelInfo* info, Input input) const {
    int is_constant = 0;
    const OrtValue* value = nullptr;
    check(KernelInfoGetConstantInput_tensor{api_}(info, input, &is_constant, &value));
    return is_constant != 0 ? value : nullptr;
  }

  Part part(const OrtKernelInfo* info, Input input, const char* what, int type) {
    const OrtValue* value = constant(info, input);
    if (value == nullptr) {
      throw std::invalid_argument(std::string("the ") + what + " must be a constant of the model");
    }
    const Tensor found = tensor(api_, value);
    if (found.type != type) {
      throw std::invalid_argument(std::string("the ") + what + " must be of the type that the format says");
    }
    return {aligned(found.data, static_cast<std::size_t>(found.elements()), type), found.elements()};
  }

  // ONNX Runtime keeps constants as long as the session, and begins its own at 64 bytes. Others, mapped from a file, begin
  // anywhere, and are copied.
  const void* aligned(const void* data, std::size_t elements, int type) {
    constexpr std::size_t alignment = 64;
    if (reinterpret_cast<std::uintptr_t>(data) % alignment == 0) {
      return data;
    }
    const std::size_t size = elements * (type == u8 ? 1 : type == i64 ? 8 : 4);
    auto& copy = copies_.emplace_back(static_cast<char*>(::operator new(size + 1, std::align_val_t{alignment})));
    return std::char_traits<char>::copy(copy.get(), static_cast<const char*>(data), size);
  }

  std::string name(const OrtKernelInfo* info) const {
    std::size_t size = 0;
    check(KernelInfo_GetNodeName{api_}(info, nullptr, &size));
    std::string name(size, '\0');
    check(KernelInfo_GetNodeName{api_}(info, name.data(), &size));
    return name.substr(0, name.find('\0'));
  }

  struct Free {
    void operator()(char* memory) const { ::operator delete(memory, std::align_val_t{64}); }
  };

  const OrtApi* api_;
  Layer layer_{};
  std::vector<std::unique_ptr<char, Free>> copies_;
};

struct Handle {
  const OrtApi* api;
  Kernel kernel;
};

int input_type(const OrtCustomOp*, std::size_t input) {
  return input == input_index ? any_type : input == input_offsets ? i64 : f32;
}

OrtStatus* create(const OrtCustomOp*, const OrtApi* api, const OrtKernelInfo* info, void** made) {
  return guarded(api, [&] { *made = new Handle{api, Kernel(api, info)}; });
}

OrtStatus* compute(void* made, OrtKernelContext* context) {
  const auto* handle = static_cast<const Handle*>(made);
  return guarded(handle->api, [&] { handle->kernel.compute(context); });
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
    .InferOutputShapeFn = nullptr,
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
  check(CustomOpDomain_Add{api}(made, &sparse_linear));
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
