/** Tests of ONNX checkpoints; models are made with, and compared by, onnx.proto's own classes. */
@NullMarked
package dev.coppice.formats.onnx;

import org.jspecify.annotations.NullMarked;
