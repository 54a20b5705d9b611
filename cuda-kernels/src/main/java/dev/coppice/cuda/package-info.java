/** The CUDA backend: kernels launched through JCuda's binding of the driver API. */
@NullMarked
package dev.coppice.cuda;

import org.jspecify.annotations.NullMarked;
