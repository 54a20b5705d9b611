// Prunes a share of every row: lists the row's keys, finds the threshold in the list, applies it.
// Rows that are not contiguous are copied, a strip of neighbours at a time, and copied back.
#include <cmath>
#include <type_traits>

#include "kernels.h"
#include "kth.h"
#include "threshold.h"

namespace coppice::COPPICE_ISA {
namespace {

struct RowAmount {
  double fraction;
  int64_t count;
  bool keep_nan;

  // Gives how many of a row's weights go; -1 if it has not as many.
  int64_t of(int64_t weights) const {
    if (fraction >= 0) {
      return static_cast<int64_t>(std::nearbyint(fraction * static_cast<double>(weights)));
    }
    return count <= weights ? count : -1;
  }
};

template <typename Keys>
class Rows {
  using E = typename Keys::Element;
  using T = typename Keys::Lane;
  static constexpr int64_t size = sizeof(E);

 public:
  Rows(char* data, const coppice_slice& slice, const RowAmount& amount, void* scratch,
       coppice_tally* tally)
      : data_(data), slice_(slice), amount_(amount), tally_(tally) {
    int64_t room = slice.runs * slice.run_length + strip_rows * row_padding;
    list_ = static_cast<T*>(scratch);
    other_ = list_ + room;
    T* end = other_ + room;
    words_ = reinterpret_cast<int32_t*>(end);
    strip_ = reinterpret_cast<char*>(Keys::random ? words_ + room : words_);
  }

  int64_t select_contiguous(int64_t rows, int64_t length) {
    for (int64_t row = 0; row < rows; row++) {
      if constexpr (Keys::random) {
        slice_words(slice_, row * length, length, words_);
      }
      Keys keys(largest_key(slice_.dtype), words_);
      if (int64_t refused = select(keys, data_ + row * length * size, length); refused >= 0) {
        return refused;
      }
    }
    return -1;
  }

  int64_t select_strided(int64_t outer, int64_t rows, int64_t inner) {
    int64_t length = outer * inner;
    int64_t distance = length + row_padding;
    for (int64_t first = 0; first < rows; first += strip_rows) {
      int64_t count = rows - first < strip_rows ? rows - first : strip_rows;
      gather(outer, rows, inner, first, count, distance);
      int64_t refused = -1;
      for (int64_t i = 0; i < count && refused < 0; i++) {
        Keys keys(largest_key(slice_.dtype), words_ + (Keys::random ? i * distance : 0));
        refused = select(keys, strip_ + i * distance * size, length);
      }
      scatter(outer, rows, inner, first, count, distance);
      if (refused >= 0) {
        return refused;
      }
    }
    return -1;
  }

 private:
  // Prunes one row; gives -1, or the number of its weights if they are too few.
  int64_t select(const Keys& keys, char* row, int64_t length) {
    int64_t weights = list_keys(keys, row, length);
    bool left = weights < length && !amount_.keep_nan;
    int64_t k = left ? 0 : amount_.of(weights);
    if (k < 0) {
      return weights;
    }
    Kth<T> threshold = {static_cast<T>(keys.lane_key(0)), length};
    if (k > 0) {
      threshold = kth_smallest(list_, other_, weights, k);
    }
    Threshold<Keys> by(keys, threshold.key, threshold.ties);
    for (int64_t i = 0; i < length; i += block_elements) {
      int64_t n = length - i < block_elements ? length - i : block_elements;
      Keys block(keys);
      block.advance(i);
      by.prune(block, row + i * size, n, tally_);
    }
    return -1;
  }

  // Lists the keys of a row's weights that are not NaN; gives their number.
  int64_t list_keys(const Keys& keys, const char* row, int64_t length) {
    T* end = list_;
    for_lanes<T>(length, [&](int64_t i, auto extent) {
      __builtin_prefetch(row + i * size + prefetch_bytes, 1);
      Vector<T> magnitude = load<E, T>(row + i * size, extent) & all<T>(sign_cleared<E>);
      Vector<T> key = keys.key(magnitude, i, extent);
      Vector<T> nan = magnitude > all<T>(static_cast<T>(keys.largest));
      if (std::is_same_v<decltype(extent), Full> && !any<T>(nan)) {
        store<T, T>(reinterpret_cast<char*>(end), key, Full{});
        end += lanes<T>;
      } else {
        end = append_keys<T>(end, key, ~nan & present<T>(extent));
      }
    });
    return end - list_;
  }

  static void copy(char* to, const char* from, int64_t elements) {
    if (elements == 1) {
      std::memcpy(to, from, size);
    } else {
      std::memcpy(to, from, static_cast<size_t>(elements * size));
    }
  }

  void gather(int64_t outer, int64_t rows, int64_t inner, int64_t first, int64_t count,
              int64_t distance) {
    for (int64_t o = 0; o < outer; o++) {
      int64_t from = (o * rows + first) * inner;
      for (int64_t i = 0; i < count; i++) {
        copy(strip_ + (i * distance + o * inner) * size, data_ + (from + i * inner) * size, inner);
      }
      if constexpr (Keys::random) {
        gather_words(from, o * inner, inner, count, distance);
      }
    }
  }

  // Words are made by the batch: short pieces of neighbouring rows are made together.
  void gather_words(int64_t from, int64_t column, int64_t inner, int64_t count, int64_t distance) {
    int32_t together[strip_rows * philox_batch];
    bool shorter = inner < philox_batch;
    if (shorter) {
      slice_words(slice_, from, count * inner, together);
    }
    for (int64_t i = 0; i < count; i++) {
      int32_t* to = words_ + i * distance + column;
      if (shorter) {
        std::memcpy(to, together + i * inner, static_cast<size_t>(inner) * sizeof *to);
      } else {
        slice_words(slice_, from + i * inner, inner, to);
      }
    }
  }

  void scatter(int64_t outer, int64_t rows, int64_t inner, int64_t first, int64_t count,
               int64_t distance) {
    for (int64_t o = 0; o < outer; o++) {
      int64_t to = (o * rows + first) * inner;
      for (int64_t i = 0; i < count; i++) {
        copy(data_ + (to + i * inner) * size, strip_ + (i * distance + o * inner) * size, inner);
      }
    }
  }

  char* data_;
  const coppice_slice& slice_;
  RowAmount amount_;
  coppice_tally* tally_;
  T* list_;
  T* other_;
  int32_t* words_;
  char* strip_;
};

}  // namespace

int64_t select_rows(void* data, const coppice_slice* slice, int32_t outer, int32_t rows,
                    int32_t inner, double fraction, int64_t count, int32_t keep_nan, void* scratch,
                    coppice_tally* tally) {
  *tally = empty_tally;
  auto* bytes = static_cast<char*>(data);
  RowAmount amount{fraction, count, keep_nan != 0};
  int64_t refused = -1;
  with_keys(*slice, [&](auto* type) {
    using Keys = std::remove_pointer_t<decltype(type)>;
    Rows<Keys> selection(bytes, *slice, amount, scratch, tally);
    refused = outer == 1 ? selection.select_contiguous(rows, inner)
                         : selection.select_strided(outer, rows, inner);
    find_first_nan<typename Keys::Element>(bytes, *slice, tally);
  });
  return refused;
}

}  // namespace coppice::COPPICE_ISA
