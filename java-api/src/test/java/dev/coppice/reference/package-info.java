/** Tests of the reference backend. */
@NullMarked
package dev.coppice.reference;

import org.jspecify.annotations.NullMarked;
