/** Reads and writes safetensors: one file, shards with an index, or a folder with either. */
@NullMarked
package dev.coppice.formats.safetensors;

import org.jspecify.annotations.NullMarked;
