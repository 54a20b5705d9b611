@NullMarked
package dev.coppice.evaluation;

import org.jspecify.annotations.NullMarked;
