package dev.coppice.evaluation;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;

/** Test images of Fashion-MNIST, 28 x 28 grey values each, with their labels, 0 to 9. */
final class FashionMnist {
  /** The pixels of an image. */
  static final int PIXELS = 28 * 28;

  private static final String IMAGES = "t10k-images-idx3-ubyte.gz";
  private static final String LABELS = "t10k-labels-idx1-ubyte.gz";

  private final byte[] pixels;
  private final byte[] labels;

  private FashionMnist(byte[] pixels, byte[] labels) {
    this.pixels = pixels;
    this.labels = labels;
  }

  /** Gives the number of images. */
  int size() {
    return labels.length;
  }

  /** Gives the pixels, row-major, image after image: not a copy. */
  byte[] pixels() {
    return pixels;
  }

  /** Gives the labels, one an image: not a copy. */
  byte[] labels() {
    return labels;
  }

  /** Reads the 10,000 test images from a folder that has the two files of the original. */
  static FashionMnist read(Path folder) throws IOException {
    try (InputStream images = Files.newInputStream(folder.resolve(IMAGES));
        InputStream labels = Files.newInputStream(folder.resolve(LABELS))) {
      return read(images, labels);
    }
  }

  /** Reads the first thousand of them, which this module carries. */
  static FashionMnist firstThousand() throws IOException {
    String folder = "/dev/coppice/evaluation/fashion/";
    try (InputStream images = Resources.open(folder + "t1k-images-idx3-ubyte.gz");
        InputStream labels = Resources.open(folder + "t1k-labels-idx1-ubyte.gz")) {
      return read(images, labels);
    }
  }

  /** Copies the classifier that was trained for this project into the folder unless it is there. */
  static Path classifier(Path folder) throws IOException {
    String name = "fashion-resnet.onnx";
    return Resources.copy("/dev/coppice/evaluation/fashion/" + name, folder.resolve(name));
  }

  /** Copies the smaller classifier, of depthwise convolutions, in the same way. */
  static Path mobile(Path folder) throws IOException {
    String name = "fashion-mobile.onnx";
    return Resources.copy("/dev/coppice/evaluation/fashion/" + name, folder.resolve(name));
  }

  /** Gives the images from one index up to before another. */
  FashionMnist part(int from, int to) {
    return new FashionMnist(
        Arrays.copyOfRange(pixels, from * PIXELS, to * PIXELS),
        Arrays.copyOfRange(labels, from, to));
  }

  /** Writes the images, without their labels, as the original's file has them. */
  void writeImages(Path file) throws IOException {
    try (DataOutputStream out =
        new DataOutputStream(new GZIPOutputStream(Files.newOutputStream(file)))) {
      out.writeInt(0x0803);
      out.writeInt(size());
      out.writeInt(28);
      out.writeInt(28);
      out.write(pixels);
    }
  }

  private static FashionMnist read(InputStream images, InputStream labels) throws IOException {
    byte[] pixels = Idx.readGzip(images, 28, 28);
    byte[] classes = Idx.readGzip(labels);
    if (pixels.length != (long) classes.length * PIXELS) {
      throw new IOException(
          classes.length + " labels do not fit " + pixels.length / PIXELS + " images");
    }
    return new FashionMnist(pixels, classes);
  }
}
