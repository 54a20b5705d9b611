package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.evaluation.Idx;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;

/** Grey images in an IDX file of the MNIST family, with the labels in the file beside it. */
final class IdxPictures implements Pictures {
  private static final String IMAGES = "images-idx3-ubyte";
  private static final String LABELS = "labels-idx1-ubyte";

  private final Path path;
  private final Idx images;
  private final Optional<Idx> labels;

  private IdxPictures(Path path, Idx images, Optional<Idx> labels) {
    this.path = path;
    this.images = images;
    this.labels = labels;
  }

  /** Says whether a file has images in IDX by its name, packed with gzip or not. */
  static boolean isOne(Path file) {
    String name = file.getFileName().toString();
    return name.endsWith(IMAGES) || name.endsWith(IMAGES + ".gz");
  }

  static IdxPictures open(Path file) throws IOException {
    Idx images = read(file, 3);
    Path beside = file.resolveSibling(file.getFileName().toString().replace(IMAGES, LABELS));
    Optional<Idx> labels = Files.exists(beside) ? Optional.of(read(beside, 1)) : Optional.empty();
    if (labels.isPresent() && labels.get().elements().length != images.dimensions().get(0)) {
      throw CheckpointFormatException.of(
          Code.SHAPE,
          beside,
          "has %d labels for %d images"
              .formatted(labels.get().elements().length, images.dimensions().get(0)));
    }
    return new IdxPictures(file, images, labels);
  }

  private static Idx read(Path path, int rank) throws IOException {
    try (InputFile file = InputFile.open(path);
        InputStream raw = new RangeStream(file, 0, file.size());
        InputStream in =
            path.getFileName().toString().endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
      Idx array = Idx.read(in, rank);
      file.verify();
      return array;
    } catch (IOException e) {
      throw CheckpointFormatException.of(Code.UNSUPPORTED, path, "is refused: " + e.getMessage());
    }
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public int size() {
    return images.dimensions().get(0);
  }

  @Override
  public Picture get(int index) {
    List<Integer> shape = images.dimensions();
    int bytes = shape.get(1) * shape.get(2);
    return new Picture(
        shape.get(1),
        shape.get(2),
        1,
        Arrays.copyOfRange(images.elements(), index * bytes, (index + 1) * bytes));
  }

  @Override
  public boolean isLabelled() {
    return labels.isPresent();
  }

  @Override
  public int label(int index) {
    return labels.map(l -> l.elements()[index] & 0xFF).orElseThrow();
  }
}
