// CUDA's vector types, with CUDA's alignment.
#pragma once
#include <algorithm>
#include <cstddef>

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};

#define COPPICE_VECTORS(name, T)                                                       \
  struct alignas(2 * sizeof(T)) name##2 {                                              \
    T x, y;                                                                            \
  };                                                                                   \
  struct name##3 {                                                                     \
    T x, y, z;                                                                         \
  };                                                                                   \
  struct alignas(std::min<std::size_t>(16, 4 * sizeof(T))) name##4 {                   \
    T x, y, z, w;                                                                      \
  };                                                                                   \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                           \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                   \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

COPPICE_VECTORS(char, signed char)
COPPICE_VECTORS(uchar, unsigned char)
COPPICE_VECTORS(short, short)
COPPICE_VECTORS(ushort, unsigned short)
COPPICE_VECTORS(int, int)
COPPICE_VECTORS(uint, unsigned)
COPPICE_VECTORS(longlong, long long)
COPPICE_VECTORS(ulonglong, unsigned long long)
COPPICE_VECTORS(float, float)
COPPICE_VECTORS(double, double)

#undef COPPICE_VECTORS
