// Prunes a slice by a threshold: reads and writes each element once.
#include <type_traits>

#include "kernels.h"
#include "threshold.h"

namespace coppice::COPPICE_ISA {
namespace {

template <typename Keys>
void apply_slice(char* data, const coppice_slice& slice, int64_t threshold, int64_t ties,
                 coppice_tally* tally) {
  Keys any(largest_key(slice.dtype), nullptr);
  Threshold<Keys> by(any, any.lane_key(threshold), ties);
  for_blocks<Keys>(data, slice, [&](const Keys& keys, char* block, int64_t n) {
    by.prune(keys, block, n, tally);
  });
  find_first_nan<typename Keys::Element>(data, slice, tally);
}

}  // namespace

void apply(void* data, const coppice_slice* slice, int64_t threshold, int64_t ties,
           coppice_tally* tally) {
  *tally = empty_tally;
  with_keys(*slice, [&](auto* type) {
    using Keys = std::remove_pointer_t<decltype(type)>;
    apply_slice<Keys>(static_cast<char*>(data), *slice, threshold, ties, tally);
  });
}

}  // namespace coppice::COPPICE_ISA
