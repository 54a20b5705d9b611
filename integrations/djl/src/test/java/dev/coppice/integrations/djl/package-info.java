/** Pruning what DJL holds. */
@NullMarked
package dev.coppice.integrations.djl;

import org.jspecify.annotations.NullMarked;
