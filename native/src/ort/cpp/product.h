// A product on the threads of a session.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>

#include "calls.h"
#include "coppice.h"

namespace coppice::ort {

// Memory of a thread, kept for the next run: to get it anew from the system costs more than a small layer.
class Buffer {
 public:
  void* room(std::int64_t bytes) {
    if (bytes > size_) {
      memory_.reset(::operator new(static_cast<std::size_t>(bytes), alignment));
      size_ = bytes;
    }
    return memory_.get();
  }

 private:
  static constexpr std::align_val_t alignment{64};

  struct Free {
    void operator()(void* memory) const { ::operator delete(memory, alignment); }
  };

  std::unique_ptr<void, Free> memory_;
  std::int64_t size_ = 0;
};

// One product of a run, cut into tasks for the threads of the session.
class Product {
 public:
  Product(const coppice_weights& weights, const float* x, std::int64_t batch, float* y, std::int64_t stored_bytes)
      : weights_(weights), x_(x), batch_(batch), y_(y), stored_bytes_(stored_bytes) {}

  void run(const OrtApi* api, const OrtKernelContext* context) {
    static thread_local Buffer buffer;
    inputs_ = buffer.room(coppice_linear_inputs_bytes(&weights_, batch_));
    // Work that is worth a thread's waking up.
    constexpr std::int64_t task_bytes = 256 << 10;
    const std::int64_t tasks = stored_bytes_ * (1 + batch_ / 8) / task_bytes;
    parallel(api, context, tasks, weights_.in, [](Product& p, std::int64_t first, std::int64_t end) {
      coppice_linear_inputs(&p.weights_, p.x_, p.batch_, first, end, p.inputs_);
    });
    parallel(api, context, tasks, weights_.out, [](Product& p, std::int64_t first, std::int64_t end) {
      static thread_local Buffer scratch;
      coppice_linear(&p.weights_, p.inputs_, p.batch_, first, end, p.y_,
                     scratch.room(coppice_linear_scratch_bytes(p.batch_)));
    });
  }

 private:
  using Stretch = void (*)(Product&, std::int64_t first, std::int64_t end);

  // Runs a step for stretches of [0, count), each a multiple of 16: rows of a 2:4 tile, columns of a vector.
  void parallel(const OrtApi* api, const OrtKernelContext* context, std::int64_t tasks, std::int64_t count,
                Stretch stretch) {
    constexpr std::int64_t unit = 16;
    struct Step {
      Product* product;
      Stretch stretch;
      std::int64_t length;
      std::int64_t count;
      std::atomic<bool> failed;
    };
    const std::int64_t length = tasks < 2 ? count : (count / tasks / unit + 1) * unit;
    Step step{this, stretch, length, count, false};
    const auto task = [](void* data, std::size_t index) {
      Step& s = *static_cast<Step*>(data);
      const std::int64_t first = static_cast<std::int64_t>(index) * s.length;
      try {
        s.stretch(*s.product, first, std::min(first + s.length, s.count));
      } catch (const std::bad_alloc&) {
        s.failed = true;  // Nothing may be thrown through ONNX Runtime.
      }
    };
    const auto total = static_cast<std::size_t>((count + length - 1) / length);
    if (total == 1) {
      task(&step, 0);
    } else {
      check(KernelContext_ParallelFor{api}(context, task, total, 0, &step));
    }
    if (step.failed) {
      throw std::bad_alloc();
    }
  }

  const coppice_weights& weights_;
  const float* x_;
  std::int64_t batch_;
  float* y_;
  std::int64_t stored_bytes_;
  void* inputs_ = nullptr;
};

}  // namespace coppice::ort
