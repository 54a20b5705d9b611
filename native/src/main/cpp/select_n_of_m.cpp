// Keeps n weights of every group of m. A weight is beaten by another of its group if that one's key
// is larger, or equal and it stands earlier; it goes if n or more beat it.
//
// Contiguous groups of 2, 4, 8 or 16 are compared within a vector, with its rotations. All others
// are compared across vectors, a group in each lane: m vectors, each pair compared once.
#include <type_traits>
#include <utility>

#include "kernels.h"
#include "threshold.h"

namespace coppice::COPPICE_ISA {
namespace {

constexpr int largest_group = 32;

struct Pattern {
  int n;
  int m;
  int64_t inner;
  bool keep_nan;
};

// Gives lane (i + R) mod M of each M lanes at lane i.
template <typename T, int M, int R, size_t... I>
COPPICE_INLINE Vector<T> rotate(Vector<T> v, std::index_sequence<I...>) {
  if constexpr (M * sizeof(T) == 8) {
    constexpr int bits = 8 * sizeof(T) * R;
    return (Vector<T>)(((Wide)v >> bits) | ((Wide)v << (64 - bits)));
  } else {
    return __builtin_shufflevector(v, v, (I / M * M + (I + R) % M)...);
  }
}

// Names the lanes whose rotation stands earlier in the group.
template <typename T, int M, int R, size_t... I>
COPPICE_INLINE Vector<T> earlier(std::index_sequence<I...>) {
  return Vector<T>{static_cast<T>(I % M + R >= M ? -1 : 0)...};
}

// Gives how often each lane is beaten.
template <typename Keys, int M, int... R>
COPPICE_INLINE auto beaten_within(Vector<typename Keys::Lane> key, Vector<typename Keys::Lane> nan,
                                  std::integer_sequence<int, R...>) {
  using T = typename Keys::Lane;
  using Each = std::make_index_sequence<lanes<T>>;
  Vector<T> beaten{};
  (
      [&] {
        Vector<T> other = rotate<T, M, R + 1>(key, Each{});
        Vector<T> before = earlier<T, M, R + 1>(Each{});
        if constexpr (Keys::random) {
          Vector<T> other_nan = rotate<T, M, R + 1>(nan, Each{});
          beaten -= (other > key) | ((other == key) & before) | other_nan;
        } else {
          beaten -= other > key + before;
        }
      }(),
      ...);
  return beaten;
}

// Gives the lanes whose groups hold a NaN.
template <typename T, int M, int... R>
COPPICE_INLINE Vector<T> nan_groups(Vector<T> nan, std::integer_sequence<int, R...>) {
  return (nan | ... | rotate<T, M, R + 1>(nan, std::make_index_sequence<lanes<T>>{}));
}

template <typename Keys, int M>
void select_within(const Keys& keys, char* data, int64_t elements, const Pattern& pattern,
                   coppice_tally* tally) {
  using E = typename Keys::Element;
  using T = typename Keys::Lane;
  using Others = std::make_integer_sequence<int, M - 1>;
  // Copies: otherwise each store might change them.
  const Keys own_keys = keys;
  const T kept = static_cast<T>(pattern.n);
  const bool keep_nan = pattern.keep_nan;
  for (int64_t begin = 0; begin < elements; begin += block_elements) {
    TallyLanes<T> lanes;
    int64_t n = elements - begin < block_elements ? elements - begin : block_elements;
    for_lanes<T>(n, [&, data](int64_t i, auto extent) {
      char* at = data + (begin + i) * static_cast<int64_t>(sizeof(E));
      __builtin_prefetch(at + prefetch_bytes, 1);
      Vector<T> bits = load<E, T>(at, extent);
      Vector<T> magnitude = bits & all<T>(sign_cleared<E>);
      Vector<T> nan = magnitude > all<T>(static_cast<T>(own_keys.largest));
      Vector<T> key = own_keys.key(magnitude, begin + i, extent);
      Vector<T> there = present<T>(extent);
      Vector<T> prune = (beaten_within<Keys, M>(key, nan, Others{}) >= all<T>(kept)) & there;
      if (any<T>(nan)) {
        lanes.nans.add(nan);
        prune &= ~(keep_nan ? nan : nan_groups<T, M>(nan, Others{}));
      }
      lanes.add(prune, magnitude, magnitude & ~prune, there);
      store<E, T>(at, bits & ~prune, extent);
    });
    lanes.add_to(tally);
  }
}

// Selects in a group a lane; its element j is at index first + j * step. M is m, or 0 if m varies.
template <int M, typename Keys, typename Extent>
COPPICE_INLINE void select_across(const Keys& keys, char* data, int64_t first, int64_t step,
                                  Extent extent, const Pattern& pattern,
                                  TallyLanes<typename Keys::Lane>& tally) {
  using E = typename Keys::Element;
  using T = typename Keys::Lane;
  constexpr int most = M > 0 ? M : largest_group;
  const int m = M > 0 ? M : pattern.m;
  Vector<T> bits[most];
  Vector<T> key[most];
  Vector<T> nan[most];
  Vector<T> beaten[most];
  Vector<T> left{};
  for (int j = 0; j < m; j++) {
    int64_t i = first + j * step;
    const char* at = data + i * static_cast<int64_t>(sizeof(E));
    __builtin_prefetch(at + prefetch_bytes, 1);
    bits[j] = load<E, T>(at, extent);
    Vector<T> magnitude = bits[j] & all<T>(sign_cleared<E>);
    nan[j] = magnitude > all<T>(static_cast<T>(keys.largest));
    key[j] = keys.key(magnitude, i, extent);
    left |= nan[j];
    beaten[j] = all<T>(0);
  }
  for (int j = 1; j < m; j++) {
    for (int i = 0; i < j; i++) {
      Vector<T> later_wins = key[j] > key[i];
      Vector<T> earlier_wins = ~later_wins;
      if constexpr (Keys::random) {
        later_wins |= nan[j];
        earlier_wins |= nan[i];
      }
      beaten[i] -= later_wins;
      beaten[j] -= earlier_wins;
    }
  }
  Vector<T> there = present<T>(extent);
  for (int j = 0; j < m; j++) {
    Vector<T> stays = pattern.keep_nan ? nan[j] : left;
    Vector<T> prune = (beaten[j] >= all<T>(static_cast<T>(pattern.n))) & ~stays & there;
    Vector<T> magnitude = bits[j] & all<T>(sign_cleared<E>);
    tally.add(prune, magnitude, magnitude & ~prune, there);
    tally.nans.add(nan[j]);
    store<E, T>(data + (first + j * step) * static_cast<int64_t>(sizeof(E)), bits[j] & ~prune,
                extent);
  }
}

// For groups whose neighbours along the inner axis fill a vector.
template <int M, typename Keys>
void select_columns(const Keys& keys, char* data, int64_t elements, const Pattern& pattern,
                    coppice_tally* tally) {
  using T = typename Keys::Lane;
  constexpr int64_t strip = block_elements;
  for (int64_t first = 0; first < elements; first += pattern.m * pattern.inner) {
    for (int64_t begin = 0; begin < pattern.inner; begin += strip) {
      TallyLanes<T> lanes;
      int64_t n = pattern.inner - begin < strip ? pattern.inner - begin : strip;
      for_lanes<T>(n, [&](int64_t i, auto extent) {
        select_across<M>(keys, data, first + begin + i, pattern.inner, extent, pattern, lanes);
      });
      lanes.add_to(tally);
    }
  }
}

// For all other groups: as many as a vector has lanes are copied, selected from, and copied back.
template <typename Keys>
class Gathered {
  using E = typename Keys::Element;
  using T = typename Keys::Lane;

 public:
  Gathered(const Keys& keys, char* data, const Pattern& pattern)
      : keys_(keys), data_(data), pattern_(pattern) {}

  // Takes the next count groups.
  void select(int count, TallyLanes<T>& tally) {
    int64_t first[lanes<T>];
    for (int lane = 0; lane < count; lane++) {
      first[lane] = next_;
      next_++;
      if (++column_ == pattern_.inner) {
        column_ = 0;
        next_ += (pattern_.m - 1) * pattern_.inner;
      }
    }
    for (int j = 0; j < pattern_.m; j++) {
      for (int lane = 0; lane < count; lane++) {
        int64_t from = first[lane] + j * pattern_.inner;
        std::memcpy(&copy_[j][lane], data_ + from * size, sizeof(E));
        if constexpr (Keys::random) {
          words_[j][lane] = keys_.words[from];
        }
      }
    }
    char* copy = reinterpret_cast<char*>(copy_);
    Keys keys(keys_.largest, words_[0]);
    if (count == lanes<T>) {
      select_across<0>(keys, copy, 0, lanes<T>, Full{}, pattern_, tally);
    } else {
      select_across<0>(keys, copy, 0, lanes<T>, Part{count}, pattern_, tally);
    }
    for (int j = 0; j < pattern_.m; j++) {
      for (int lane = 0; lane < count; lane++) {
        std::memcpy(data_ + (first[lane] + j * pattern_.inner) * size, &copy_[j][lane], sizeof(E));
      }
    }
  }

 private:
  static constexpr int64_t size = sizeof(E);

  const Keys& keys_;
  char* data_;
  const Pattern& pattern_;
  // The first element of the next group, and its index along the inner axis.
  int64_t next_ = 0;
  int64_t column_ = 0;
  E copy_[largest_group][lanes<T>] = {};
  int32_t words_[Keys::random ? largest_group : 1][lanes<T>] = {};
};

template <typename Keys>
void select_gathered(const Keys& keys, char* data, int64_t elements, const Pattern& pattern,
                     coppice_tally* tally) {
  using T = typename Keys::Lane;
  constexpr int64_t strip = 512 * lanes<T>;
  Gathered<Keys> gathered(keys, data, pattern);
  int64_t groups = elements / pattern.m;
  for (int64_t begin = 0; begin < groups; begin += strip) {
    TallyLanes<T> tally_lanes;
    for (int64_t group = begin; group < groups && group < begin + strip; group += lanes<T>) {
      int64_t rest = groups - group;
      gathered.select(static_cast<int>(rest < lanes<T> ? rest : lanes<T>), tally_lanes);
    }
    tally_lanes.add_to(tally);
  }
}

template <typename Keys>
void select_groups(const Keys& keys, char* data, int64_t elements, const Pattern& pattern,
                   coppice_tally* tally) {
  constexpr int most = lanes<typename Keys::Lane>;
  if (pattern.inner == 1 && pattern.m == 2) {
    select_within<Keys, 2>(keys, data, elements, pattern, tally);
  } else if (pattern.inner == 1 && pattern.m == 4) {
    select_within<Keys, 4>(keys, data, elements, pattern, tally);
  } else if (most >= 8 && pattern.inner == 1 && pattern.m == 8) {
    select_within<Keys, most >= 8 ? 8 : 4>(keys, data, elements, pattern, tally);
  } else if (most >= 16 && pattern.inner == 1 && pattern.m == 16) {
    select_within<Keys, most >= 16 ? 16 : 4>(keys, data, elements, pattern, tally);
  } else if (pattern.inner >= most && pattern.m == 4) {
    select_columns<4>(keys, data, elements, pattern, tally);
  } else if (pattern.inner >= most) {
    select_columns<0>(keys, data, elements, pattern, tally);
  } else {
    select_gathered(keys, data, elements, pattern, tally);
  }
}

}  // namespace

void select_n_of_m(void* data, const coppice_slice* slice, int32_t n, int32_t m, int32_t inner,
                   int32_t keep_nan, void* scratch, coppice_tally* tally) {
  *tally = empty_tally;
  auto* bytes = static_cast<char*>(data);
  auto* words = static_cast<int32_t*>(scratch);
  int64_t elements = slice->runs * slice->run_length;
  with_keys(*slice, [&](auto* type) {
    using Keys = std::remove_pointer_t<decltype(type)>;
    if constexpr (Keys::random) {
      slice_words(*slice, 0, elements, words);
    }
    Keys keys(largest_key(slice->dtype), words);
    select_groups(keys, bytes, elements, Pattern{n, m, inner, keep_nan != 0}, tally);
    find_first_nan<typename Keys::Element>(bytes, *slice, tally);
  });
}

}  // namespace coppice::COPPICE_ISA
