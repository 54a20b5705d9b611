@NullMarked
package dev.coppice.cuda;

import org.jspecify.annotations.NullMarked;
