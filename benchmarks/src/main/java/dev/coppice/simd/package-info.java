/** What benchmarks need of the binding. */
@NullMarked
package dev.coppice.simd;

import org.jspecify.annotations.NullMarked;
