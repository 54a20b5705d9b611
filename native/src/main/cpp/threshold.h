// Pruning by a threshold, over elements that lie one after the other.
#pragma once

#include "coppice.h"
#include "keys.h"

namespace coppice::COPPICE_ISA {

// Counts what happens to weights. Holds 32,767 vectors.
template <typename T>
struct TallyLanes {
  Count<T> pruned;
  Count<T> zeros_before;
  Count<T> zeros;
  Count<T> nans;

  // Magnitudes before and after; lanes that are not there count for nothing.
  COPPICE_INLINE void add(Vector<T> prune, Vector<T> before, Vector<T> after, Vector<T> there) {
    pruned.add(prune);
    zeros_before.add((before == all<T>(0)) & there);
    zeros.add((after == all<T>(0)) & there);
  }

  void add_to(coppice_tally* tally) const {
    tally->pruned += pruned.total();
    tally->newly_zero += zeros.total() - zeros_before.total();
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
    // A copy: otherwise each store might change it.
    const Vector<T> threshold = all<T>(threshold_);
    if (ties_ == 0) {
      prune_lanes(keys, data, n, lanes, [=](Vector<T> key, Vector<T>) { return key <= threshold; });
    } else {
      prune_lanes(keys, data, n, lanes, [=, this](Vector<T> key, Vector<T> there) {
        Vector<T> equal = (key == threshold) & there;
        Vector<T> prune = key < threshold;
        return any<T>(equal) ? prune | beyond_ties(equal) : prune;
      });
    }
    lanes.add_to(tally);
  }

 private:
  template <typename Choose>
  COPPICE_INLINE void prune_lanes(const Keys& keys, char* data, int64_t n, TallyLanes<T>& lanes,
                                  Choose choose) {
    const T largest = static_cast<T>(keys.largest);
    const Keys own_keys = keys;
    for_lanes<T>(n, [&, data](int64_t i, auto extent) {
      char* at = data + i * static_cast<int64_t>(sizeof(E));
      __builtin_prefetch(at + prefetch_bytes, 1);
      Vector<T> bits = load<E, T>(at, extent);
      Vector<T> magnitude = bits & all<T>(sign_cleared<E>);
      Vector<T> nan = magnitude > all<T>(largest);
      Vector<T> there = present<T>(extent);
      Vector<T> candidates = Keys::random ? there & ~nan : there;
      Vector<T> prune = choose(own_keys.key(magnitude, i, extent), candidates) & candidates;
      lanes.add(prune, magnitude, magnitude & ~prune, there);
      lanes.nans.add(nan);
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
