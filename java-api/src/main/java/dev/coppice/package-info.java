/** Pruning of neural networks: tensors, plans, the pruner and its reports. */
@NullMarked
package dev.coppice;

import org.jspecify.annotations.NullMarked;
