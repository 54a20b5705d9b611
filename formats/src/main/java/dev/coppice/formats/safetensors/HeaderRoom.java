package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.PartLayout;
import dev.coppice.spi.CheckpointTensor;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** The room that the header of a compressed model takes at most, before anything is compressed. */
final class HeaderRoom {
  private final long most;
  private final long dataStart;

  HeaderRoom(SafetensorsCheckpoint model, Map<String, String> metadata) {
    // Nothing is stored in a form that is larger than the dense one.
    this.most = 2 * model.bytes();
    long bytes =
        HeaderText.bytes(new HeaderText(metadata) + "\"" + HeaderReader.METADATA + "\":{}");
    bytes += entry(SparseEntry.HEADER, "U8", List.of(most));
    for (CheckpointTensor tensor : model.tensors()) {
      long widest = 0;
      for (Format format : Format.values()) {
        widest = Math.max(widest, of(tensor, format));
      }
      bytes += widest;
    }
    this.dataStart = HeaderText.dataStart(bytes);
    if (bytes > HeaderReader.LARGEST_HEADER) {
      throw CheckpointFormatException.of(
          Code.LIMIT, model.path(), "its header would be longer than the format allows");
    }
  }

  long dataStart() {
    return dataStart;
  }

  /** Gives what a tensor takes in the header at most, in a format that it may be stored in. */
  long of(CheckpointTensor tensor, Format format) {
    String name = tensor.name();
    Shape shape = tensor.shape();
    if (format == Format.DENSE) {
      return entry(name, tensor.type(), Arrays.stream(shape.toArray()).boxed().toList());
    }
    if (tensor.dtype().isEmpty() || shape.rank() < 2 || shape.elements() == 0) {
      return 0;
    }
    DType dtype = tensor.dtype().get();
    try {
      SparseEntry entry = new SparseEntry(format, dtype, shape);
      long bytes =
          HeaderText.bytes("," + HeaderText.quoted(SparseEntry.KEY + name) + ":\"" + entry + '"');
      for (PartLayout part : entry.layout()) {
        List<Long> dimensions = part.shape();
        bytes +=
            entry(
                SparseEntry.partName(name, part.name()),
                part.type(),
                dimensions.contains(PartLayout.STORED) ? Collections.nCopies(1, most) : dimensions);
      }
      return bytes;
    } catch (IllegalArgumentException e) {
      return 0; // It cannot be stored so.
    }
  }

  private long entry(String name, String type, List<Long> shape) {
    return HeaderText.bytes("," + HeaderText.entry(name, type, shape, most, most));
  }
}
