/** Opens models of any format that is on the class path. */
@NullMarked
package dev.coppice.formats;

import org.jspecify.annotations.NullMarked;
