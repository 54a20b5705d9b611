// The part of cuSPARSELt 0.6 to 0.10 that Coppice calls, found at run time: no header of NVIDIA's is needed to
// build, and no library to run what does not use it. Declared after the published reference.
#pragma once
#include <cstddef>
#include <cstdint>

namespace coppice::cusparselt {

// The library's opaque objects take 512 to 11,024 bytes, by version; 16-byte alignment is asked for.
struct alignas(16) Opaque {
  unsigned char data[16384];
};

using Stream = struct CUstream_st*;

enum Order : int { COLUMNS = 1, ROWS = 2 };
enum Operation : int { AS_IS = 0, TRANSPOSED = 1 };
enum Sparsity : int { HALF = 0 };
enum Compute : int { COMPUTE_32F = 2 };  // since 0.5; another number before
enum Algorithm : int { DEFAULT = 0 };

struct Library {
  int (*Init)(Opaque*);
  int (*Destroy)(const Opaque*);
  int (*GetVersion)(const Opaque*, int*);
  int (*DenseDescriptorInit)(const Opaque*, Opaque*, std::int64_t rows, std::int64_t columns, std::int64_t ld,
                             std::uint32_t alignment, int type, Order);
  int (*StructuredDescriptorInit)(const Opaque*, Opaque*, std::int64_t rows, std::int64_t columns,
                                  std::int64_t ld, std::uint32_t alignment, int type, Order, Sparsity);
  int (*MatDescriptorDestroy)(const Opaque*);
  int (*MatmulDescriptorInit)(const Opaque*, Opaque*, Operation a, Operation b, const Opaque*, const Opaque*,
                              const Opaque*, const Opaque*, Compute);
  int (*MatmulAlgSelectionInit)(const Opaque*, Opaque*, const Opaque*, Algorithm);
  int (*MatmulAlgSelectionDestroy)(const Opaque*);  // since 0.8; null before
  int (*MatmulPlanInit)(const Opaque*, Opaque*, const Opaque*, const Opaque*);
  int (*MatmulPlanDestroy)(const Opaque*);
  int (*MatmulGetWorkspace)(const Opaque*, const Opaque*, std::size_t*);
  int (*MatmulSearch)(const Opaque*, Opaque*, const void* alpha, const void* a, const void* b, const void* beta,
                      const void* c, void* d, void* workspace, Stream*, std::int32_t streams);
  int (*Matmul)(const Opaque*, const Opaque*, const void* alpha, const void* a, const void* b, const void* beta,
                const void* c, void* d, void* workspace, Stream*, std::int32_t streams);
  int (*SpMMACompressedSize2)(const Opaque*, const Opaque*, std::size_t* compressed, std::size_t* buffer);
  int (*SpMMACompress2)(const Opaque*, const Opaque*, int is_a, Operation, const void* dense, void* compressed,
                        void* buffer, Stream);
};

}  // namespace coppice::cusparselt
