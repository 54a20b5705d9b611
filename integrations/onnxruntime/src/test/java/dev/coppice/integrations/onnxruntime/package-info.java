/** Pruning what ONNX Runtime holds. */
@NullMarked
package dev.coppice.integrations.onnxruntime;

import org.jspecify.annotations.NullMarked;
