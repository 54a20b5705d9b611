// What a weight is ordered by, and how its type is read. Keys are signed numbers, as wide as a
// lane, in the order of SPEC.md's unsigned keys.
#pragma once

#include "lanes.h"
#include "philox.h"

namespace coppice::COPPICE_ISA {

// Elements that are worked on between two looks at the counters.
inline constexpr int64_t block_elements = 4096;

// How far ahead memory is asked for: hardware prefetching ends at each page.
inline constexpr int64_t prefetch_bytes = 8192;

// The 16-bit and the 32-bit types differ in their largest key that is not NaN alone.
template <typename E>
inline constexpr E sign_cleared = sizeof(E) == 2 ? E{0x7FFF} : static_cast<E>(0x7FFFFFFF);

inline int32_t largest_key(int64_t dtype) {
  return dtype == COPPICE_F32 ? 0x7F800000 : dtype == COPPICE_F16 ? 0x7C00 : 0x7F80;
}

// Keys that are the weights' own bits.
template <typename E>
struct MagnitudeKeys {
  using Element = E;
  using Lane = E;
  static constexpr bool random = false;

  explicit MagnitudeKeys(int32_t largest_, const int32_t* = nullptr) : largest(largest_) {}

  // Gives the lane's key for an unsigned key.
  int64_t lane_key(int64_t key) const { return key; }
  int64_t largest_lane_key() const { return largest; }

  template <typename Extent>
  COPPICE_INLINE Vector<E> key(Vector<E> magnitude, int64_t, Extent) const {
    return magnitude;
  }
  COPPICE_INLINE E key_at(E magnitude, int64_t) const { return magnitude; }
  void advance(int64_t) {}

  // The key of infinity; magnitudes above it are NaN.
  int32_t largest;
};

// Keys that are random words; words[i] belongs to element i of the data they are used with.
template <typename E>
struct RandomKeys {
  using Element = E;
  using Lane = int32_t;
  static constexpr bool random = true;

  RandomKeys(int32_t largest_, const int32_t* words_) : largest(largest_), words(words_) {}

  int64_t lane_key(int64_t key) const { return key - (int64_t{1} << 31); }
  int64_t largest_lane_key() const { return INT32_MAX; }

  template <typename Extent>
  COPPICE_INLINE Vector<int32_t> key(Vector<int32_t>, int64_t i, Extent extent) const {
    return load<int32_t, int32_t>(reinterpret_cast<const char*>(words + i), extent);
  }
  COPPICE_INLINE int32_t key_at(E, int64_t i) const { return words[i]; }
  void advance(int64_t elements) { words += elements; }

  int32_t largest;
  const int32_t* words;
};

// Calls body with a null pointer to the keys' type that a slice needs.
template <typename Body>
inline void with_keys(const coppice_slice& slice, Body body) {
  bool random = slice.ranking == COPPICE_PHILOX;
  if (slice.dtype == COPPICE_F32) {
    random ? body(static_cast<RandomKeys<int32_t>*>(nullptr))
           : body(static_cast<MagnitudeKeys<int32_t>*>(nullptr));
  } else {
    random ? body(static_cast<RandomKeys<int16_t>*>(nullptr))
           : body(static_cast<MagnitudeKeys<int16_t>*>(nullptr));
  }
}

template <typename E>
COPPICE_INLINE E magnitude_at(const char* data, int64_t i) {
  E bits;
  std::memcpy(&bits, data + i * static_cast<int64_t>(sizeof(E)), sizeof bits);
  return bits & sign_cleared<E>;
}

// Gives the position of the first NaN of a slice that has one.
template <typename E>
inline int64_t first_nan(const char* data, const coppice_slice& slice) {
  int32_t largest = largest_key(slice.dtype);
  int64_t i = 0;
  while (magnitude_at<E>(data, i) <= largest) {
    i++;
  }
  return i;
}

// Calls body(keys, data, n) for each block of the slice.
// Data is char* or const char*.
template <typename Keys, typename Data, typename Body>
COPPICE_INLINE void for_blocks(Data data, const coppice_slice& slice, Body body) {
  int32_t words[Keys::random ? block_elements : 1];
  Keys keys(largest_key(slice.dtype), words);
  int64_t elements = slice.runs * slice.run_length;
  for (int64_t position = 0; position < elements; position += block_elements) {
    int64_t n = elements - position < block_elements ? elements - position : block_elements;
    if constexpr (Keys::random) {
      slice_words(slice, position, n, words);
    }
    body(keys, data + position * static_cast<int64_t>(sizeof(typename Keys::Element)), n);
  }
}

}  // namespace coppice::COPPICE_ISA
