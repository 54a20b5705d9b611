@NullMarked
package dev.coppice.formats.plan;

import org.jspecify.annotations.NullMarked;
