package dev.coppice.formats.safetensors;

import dev.coppice.formats.files.InputFile;
import java.util.List;

/**
 * One file with tensors.
 *
 * @param name as the index gives it, or the file's own
 * @param tensors in the order of their data
 */
record Shard(String name, InputFile file, List<StoredTensor> tensors) {}
