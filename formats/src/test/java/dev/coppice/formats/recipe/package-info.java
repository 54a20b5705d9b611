@NullMarked
package dev.coppice.formats.recipe;

import org.jspecify.annotations.NullMarked;
