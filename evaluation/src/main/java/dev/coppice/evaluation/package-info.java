/** Runs models with ONNX Runtime, measures what pruning did to them, and shows it. */
@NullMarked
package dev.coppice.evaluation;

import org.jspecify.annotations.NullMarked;
