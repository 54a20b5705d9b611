#pragma once

#include <string>

#include "coppice.h"

namespace coppice::ort {

// The weights of a layer as a model stores them, and how many elements there are of each array.
struct Stored {
  coppice_weights weights;
  int64_t values;
  int64_t index;
  int64_t offsets;
};

// Says what is wrong with a bitmap, 2:4 or CSR, of which nothing is to be trusted; an empty string if
// nothing is. Before this, no index in them is followed.
std::string fault(const Stored& stored);

}  // namespace coppice::ort
