/** The native backend: C++ kernels for the CPU's vector units, and the library that holds them. */
@NullMarked
package dev.coppice.simd;

import org.jspecify.annotations.NullMarked;
