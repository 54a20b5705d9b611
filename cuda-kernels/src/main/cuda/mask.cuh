// What the kernels of mask.cu are told. Java writes these structs field by field. A mask holds a bit an
// element, bit i % 32 of word i / 32, set where the element is kept; bits after the last element are 0.
#pragma once
#include "tables.cuh"

// coppice_mask_apply, coppice_zeros
struct MaskedParameters {
  const Slice* slices;
  Tally* tallies;
  unsigned long long tiles;  // of all slices together
  unsigned slice_count;
  unsigned reserved;
};
static_assert(sizeof(MaskedParameters) == 32);

// coppice_mask_count
struct MaskCountParameters {
  const unsigned* mask;
  unsigned long long bits;
  unsigned long long* zeros;  // added to
};
static_assert(sizeof(MaskCountParameters) == 24);

enum class MaskOperation : unsigned { AND = 0, OR = 1, AND_NOT = 2, NOT = 3 };

// coppice_mask_combine
struct MaskCombineParameters {
  const unsigned* a;
  const unsigned* b;  // MaskOperation::NOT: not looked at
  unsigned* result;   // may be a or b
  unsigned long long bits;
  MaskOperation operation;
  unsigned reserved;
};
static_assert(sizeof(MaskCombineParameters) == 40);
