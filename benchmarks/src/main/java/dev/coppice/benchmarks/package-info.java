/** Measures Coppice against the machine's memory, its disk, and its peers. */
@NullMarked
package dev.coppice.benchmarks;

import org.jspecify.annotations.NullMarked;
