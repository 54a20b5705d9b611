/** Tests of the API's values. */
@NullMarked
package dev.coppice;

import org.jspecify.annotations.NullMarked;
