/** What benchmarks need of the CUDA backend. */
@NullMarked
package dev.coppice.cuda;

import org.jspecify.annotations.NullMarked;
