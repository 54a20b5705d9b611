@NullMarked
package dev.coppice.simd;

import org.jspecify.annotations.NullMarked;
