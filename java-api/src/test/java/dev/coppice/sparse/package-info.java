@NullMarked
package dev.coppice.sparse;

import org.jspecify.annotations.NullMarked;
