/** Linear layers of pruned weights: formats that hold them, and the products that run on these. */
@NullMarked
package dev.coppice.sparse;

import org.jspecify.annotations.NullMarked;
