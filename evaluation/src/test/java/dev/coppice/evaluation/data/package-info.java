@NullMarked
package dev.coppice.evaluation.data;

import org.jspecify.annotations.NullMarked;
