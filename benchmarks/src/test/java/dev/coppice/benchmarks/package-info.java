/** Tests of the benchmarks, and of what they show. */
@NullMarked
package dev.coppice.benchmarks;

import org.jspecify.annotations.NullMarked;
