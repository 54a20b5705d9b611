@NullMarked
package dev.coppice.formats.safetensors;

import org.jspecify.annotations.NullMarked;
