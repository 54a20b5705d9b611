// Instructions that CUDA C++ has no function for, by NVIDIA's PTX ISA; the emulated driver has its own file of
// this name. All of them need compute capability 8.0, the oldest that has them; an older one traps.
//
// Fragments of mma.sp m16n8k32 for 16-bit types, D[16, 8] += A[16, 32] B[32, 8]; of lane l: g = l / 4, t = l % 4.
// Sources: PTX ISA, "Matrix Fragments for sparse mma.m16n8k32 with .f16 and .bf16 types"; for the positions, which
// it gives as a figure alone, reorder_meta() of CUTLASS (tools/util/.../host_reorder.h), which arranges them so.
//   a[0], a[1]  the two that are stored of row g, and g + 8: of columns 4t to 4t + 3
//   a[2], a[3]  the same of columns 16 + 4t to 19 + 4t
//   b[i]        rows 8i + 2t and 8i + 2t + 1 of column g
//   d[0], d[1]  row g, columns 2t and 2t + 1; d[2], d[3]: row g + 8
//   positions   of lanes t = 2 * selector + h: lower half row g, upper half row g + 8, both for columns 16h to
//               16h + 15: 4 bits for each four of them, lowest first: where the first stands, then the second
#pragma once
#include <cstdint>

// By all lanes of a warp.
template <unsigned SELECTOR>
__device__ inline void multiply_sparse_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4],
                                            unsigned positions) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.bf16.bf16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9, %10, %11}, {%0, %1, %2, %3}, %12, %13;"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(positions),
        "n"(SELECTOR));
#else
  __trap();
#endif
}

template <unsigned SELECTOR>
__device__ inline void multiply_sparse_f16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[4],
                                            unsigned positions) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sp::ordered_metadata.sync.aligned.m16n8k32.row.col.f32.f16.f16.f32 "
      "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9, %10, %11}, {%0, %1, %2, %3}, %12, %13;"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "r"(b[2]), "r"(b[3]), "r"(positions),
        "n"(SELECTOR));
#else
  __trap();
#endif
}

// Four matrices of 8 x 8 elements of 16 bits in shared memory: lane 8m + r gives where row r of matrix m lies,
// aligned to 16 bytes; out[m] has columns 2t and 2t + 1 of its row g.
__device__ inline void load_matrices(unsigned (&out)[4], const void* row) {
#if __CUDA_ARCH__ >= 800
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row)))
               : "memory");
#else
  __trap();
#endif
}

// 16 bytes that are read once: not kept in the first-level cache.
__device__ inline uint4 load_once(const uint4* from) {
#if __CUDA_ARCH__ >= 800
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(__cvta_generic_to_global(from)));
  return v;
#else
  __trap();
  return uint4{};
#endif
}

// Copies from global to shared memory that go on by themselves.
namespace copies {

// Begins to copy the first `bytes` of 16 bytes, and zeros for the others; both addresses are aligned to 16, also
// where no byte is read.
__device__ inline void begin(void* shared, const void* global, unsigned bytes) {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                   static_cast<unsigned>(__cvta_generic_to_shared(shared))),
               "l"(__cvta_generic_to_global(global)), "r"(bytes)
               : "memory");
#else
  __trap();
#endif
}

// Ends a group: what this thread has begun since the last.
__device__ inline void end_group() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  __trap();
#endif
}

// Waits until all groups of this thread are there but the last PENDING.
template <unsigned PENDING>
__device__ inline void wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
#else
  __trap();
#endif
}

}  // namespace copies

__device__ inline float float_of_f16(uint16_t bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

// Rounded to the nearest, to even among equals.
__device__ inline uint16_t f16_of_float(float value) {
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

// A place in shared memory. What is done where a condition is not 0 is done by predicates: of an if nvcc 13.0
// makes twice as many instructions.
template <typename T>
class Cursor {
 public:
  __device__ explicit Cursor(const T* first) : address_(static_cast<unsigned>(__cvta_generic_to_shared(first))) {}

  __device__ T get() const {
    T element;
    if constexpr (sizeof(T) == 2) {
      asm volatile("ld.shared.b16 %0, [%1];" : "=h"(element) : "r"(address_));
    } else {
      asm volatile("ld.shared.f32 %0, [%1];" : "=f"(element) : "r"(address_));
    }
    return element;
  }

  // Goes on to the next element, if so.
  __device__ void step_if(unsigned condition) {
    asm("{\n\t.reg .pred p;\n\tsetp.ne.u32 p, %1, 0;\n\t@p add.u32 %0, %0, %2;\n\t}"
        : "+r"(address_)
        : "r"(condition), "n"(sizeof(T)));
  }

 private:
  unsigned address_;
};

// Adds a product, if so.
__device__ inline void add_product_if(unsigned condition, float& sum, float a, float b) {
  asm("{\n\t.reg .pred p;\n\tsetp.ne.u32 p, %3, 0;\n\t@p fma.rn.f32 %0, %1, %2, %0;\n\t}"
      : "+f"(sum)
      : "f"(a), "f"(b), "r"(condition));
}
