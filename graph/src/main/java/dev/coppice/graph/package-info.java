/**
 * Surgery on ONNX graphs: what of a model can be removed, what goes with it, and the smaller model.
 */
@NullMarked
package dev.coppice.graph;

import org.jspecify.annotations.NullMarked;
