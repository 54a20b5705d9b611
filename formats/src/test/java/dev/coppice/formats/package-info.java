@NullMarked
package dev.coppice.formats;

import org.jspecify.annotations.NullMarked;
