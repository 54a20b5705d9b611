// What the kernels of fragments.cu are told.
#pragma once
struct FragmentOperands {
  unsigned a[4];
  unsigned b[4];
  unsigned positions;
};

struct FragmentsParameters {
  const FragmentOperands* operands;  // of each lane of each warp
  float* sums;                       // 4 of each lane
  unsigned* words;                   // of coppice_fragments_load: 4 of each lane
  unsigned f16;                      // 0: BF16
  unsigned selector;
};
static_assert(sizeof(FragmentsParameters) == 32);
