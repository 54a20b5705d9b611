// Pruning by a threshold, over elements that lie one after the other.
#pragma once

#include "coppice.h"
#include "keys.h"

namespace coppice::COPPICE_ISA {

// Counts what happens to weights. Holds 32,767 vectors.
template <typename T>
struct TallyLanes {
  Count<T> pruned;
  Count<T> newly_zero;
  Count<T> zeros;
  Count<T> nans;

  COPPICE_INLINE void add(Vector<T> prune, Vector<T> magnitude, Vector<T> nan, Vector<T> there) {
    Vector<T> zero = (magnitude == all<T>(0)) & there;
    pruned.add(prune);
    newly_zero.add(prune & ~zero);
    zeros.add(prune | zero);
    nans.add(nan);
  }

  void add_to(coppice_tally* tally) const {
    tally->pruned += pruned.total();
    tally->newly_zero += newly_zero.total();
    tally->zeros += zeros.total();
    tally->nans += nans.total();
  }
};

inline constexpr coppice_tally empty_tally = {0, 0, 0, 0, -1};

// Completes a slice's tally.
template <typename E>
inline void find_first_nan(const char* data, const coppice_slice& slice, coppice_tally* tally) {
  if (tally->nans > 0) {
    tally->first_nan = first_nan<E>(data, slice);
  }
}

// The keys below a threshold go, and of those that equal it all but the first ties.
template <typename Keys>
class Threshold {
  using E = typename Keys::Element;
  using T = typename Keys::Lane;
 public:
  // The threshold is a lane's key; one above all keys prunes all.
  Threshold(const Keys& keys, int64_t threshold, int64_t ties) : ties_(ties) {
    int64_t largest = keys.largest_lane_key();
    if (threshold > largest) {
      threshold = largest;
      ties_ = 0;
    }
    threshold_ = static_cast<T>(threshold);
  }

  // Prunes the next block, of at most block_elements.
  void prune(const Keys& keys, char* data, int64_t n, coppice_tally* tally) {
    TallyLanes<T> lanes;
    if (ties_ == 0) {
      prune_lanes(keys, data, n, lanes,
                  [&](Vector<T> key, Vector<T> there) { return (key <= all<T>(threshold_)) & there; });
    } else {
      prune_lanes(keys, data, n, lanes, [&](Vector<T> key, Vector<T> there) {
        Vector<T> equal = (key == all<T>(threshold_)) & there;
        Vector<T> prune = (key < all<T>(threshold_)) & there;
        return any<T>(equal) ? prune | beyond_ties(equal) : prune;
      });
    }
    lanes.add_to(tally);
  }

 private:
  template <typename Choose>
  COPPICE_INLINE void prune_lanes(const Keys& keys, char* data, int64_t n, TallyLanes<T>& lanes,
                                  Choose choose) {
    for_lanes<T>(n, [&](int64_t i, auto extent) {
      char* at = data + i * static_cast<int64_t>(sizeof(E));
      __builtin_prefetch(at + prefetch_bytes, 1);
      Vector<T> bits = load<E, T>(at, extent);
      Vector<T> magnitude = bits & all<T>(sign_cleared<E>);
      Vector<T> nan = magnitude > all<T>(static_cast<T>(keys.largest));
      Vector<T> there = present<T>(extent);
      Vector<T> prune = choose(keys.key(magnitude, i, extent), Keys::random ? there & ~nan : there);
      lanes.add(prune, magnitude, nan, there);
      store<E, T>(at, bits & ~prune, extent);
    });
  }

  // Uses up ties, and gives the equal lanes for which none is left.
  Vector<T> beyond_ties(Vector<T> equal) {
    int count = lane_count<T>(equal);
    if (count <= ties_) {
      ties_ -= count;
      return all<T>(0);
    }
    T each[lanes<T>];
    std::memcpy(each, &equal, sizeof each);
    for (int i = 0; ties_ > 0; i++) {
      ties_ += each[i];
      each[i] = 0;
    }
    std::memcpy(&equal, each, sizeof each);
    return equal;
  }

  T threshold_;
  int64_t ties_;
};

}  // namespace coppice::COPPICE_ISA
