/** ONNX checkpoints: read through their graph, pruned in place of their bytes. */
@NullMarked
package dev.coppice.formats.onnx;

import org.jspecify.annotations.NullMarked;
