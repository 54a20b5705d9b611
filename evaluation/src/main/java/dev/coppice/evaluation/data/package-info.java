/** Data that models are run on, and what is measured on their answers. */
@NullMarked
package dev.coppice.evaluation.data;

import org.jspecify.annotations.NullMarked;
