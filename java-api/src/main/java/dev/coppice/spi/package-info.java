/** What a backend and a checkpoint format implement. */
@NullMarked
package dev.coppice.spi;

import org.jspecify.annotations.NullMarked;
