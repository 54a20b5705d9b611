package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import java.util.Set;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.stream.FileImageInputStream;
import javax.imageio.stream.ImageInputStream;

/** Reads images in PNG, JPEG and BMP. */
final class PictureFile {
  private static final Set<String> ENDINGS = Set.of("png", "jpg", "jpeg", "bmp");
  private static final Set<String> FORMATS = Set.of("png", "jpeg", "bmp");
  private static final long MOST_BYTES = 128L << 20;

  private PictureFile() {}

  /** Says whether a file is an image by its name; files whose names begin with a dot are not. */
  static boolean isOne(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return !name.startsWith(".") && ENDINGS.contains(name.substring(name.lastIndexOf('.') + 1));
  }

  /**
   * Reads an image; its size is looked at before its pixels.
   *
   * @param root the real path of the folder that the file must be in, links followed
   */
  static Picture read(Path file, Path root) throws IOException {
    Path real = file.toRealPath();
    if (!real.startsWith(root)) {
      throw CheckpointFormatException.of(Code.PATH_ESCAPE, file, "leads outside of the folder");
    }
    if (!Files.isRegularFile(real, LinkOption.NOFOLLOW_LINKS)) {
      throw CheckpointFormatException.of(Code.NOT_REGULAR, file, "is not a regular file");
    }
    try (ImageInputStream in = new FileImageInputStream(real.toFile())) {
      return read(file, in);
    }
  }

  private static Picture read(Path file, ImageInputStream in) throws IOException {
    ImageReader reader = reader(file, in);
    try {
      reader.setInput(in, true, true);
      checkSize(file, reader);
      return picture(reader.read(0));
    } catch (CheckpointFormatException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      // The readers of the platform throw of both kinds for damaged files.
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED, file, "is an image that cannot be read: " + e.getMessage());
    } finally {
      reader.dispose();
    }
  }

  private static ImageReader reader(Path file, ImageInputStream in) throws IOException {
    for (Iterator<ImageReader> found = ImageIO.getImageReaders(in); found.hasNext(); ) {
      ImageReader reader = found.next();
      if (FORMATS.contains(reader.getFormatName().toLowerCase(Locale.ROOT))) {
        return reader;
      }
    }
    throw CheckpointFormatException.of(Code.UNSUPPORTED, file, "is no PNG, JPEG or BMP");
  }

  private static void checkSize(Path file, ImageReader reader) throws IOException {
    long width = reader.getWidth(0);
    long height = reader.getHeight(0);
    ImageTypeSpecifier raw = reader.getRawImageType(0);
    long bytes = 4;
    if (raw != null) {
      long bits = DataBuffer.getDataTypeSize(raw.getSampleModel().getDataType());
      bytes = Math.max(bytes, raw.getNumBands() * bits / 8);
    }
    if (width < 1 || height < 1 || width * height > MOST_BYTES / bytes) {
      throw CheckpointFormatException.of(
          Code.LIMIT,
          file,
          "has %d x %d pixels; %d fit".formatted(width, height, MOST_BYTES / bytes));
    }
  }

  private static Picture picture(BufferedImage image) {
    ColorModel colors = image.getColorModel();
    boolean plain =
        colors instanceof ComponentColorModel
            && (colors.getNumColorComponents() == 1 || colors.getNumColorComponents() == 3);
    return plain ? components(image) : mapped(image);
  }

  /** Takes the numbers of the file as they are: no profile changes them. */
  private static Picture components(BufferedImage image) {
    Raster raster = image.getRaster();
    int width = image.getWidth();
    int height = image.getHeight();
    int channels = image.getColorModel().getNumColorComponents();
    int shift = Math.max(0, image.getColorModel().getComponentSize(0) - 8);
    byte[] pixels = new byte[width * height * channels];
    int[] row = new int[width * raster.getNumBands()];
    int at = 0;
    for (int y = 0; y < height; y++) {
      raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
      for (int x = 0; x < width; x++) {
        for (int c = 0; c < channels; c++) {
          pixels[at++] = (byte) (row[x * raster.getNumBands() + c] >> shift);
        }
      }
    }
    return new Picture(height, width, channels, pixels);
  }

  /** Looks colours up in the file's table, or takes packed pixels apart. */
  private static Picture mapped(BufferedImage image) {
    int width = image.getWidth();
    int height = image.getHeight();
    byte[] pixels = new byte[width * height * 3];
    int at = 0;
    for (int y = 0; y < height; y++) {
      for (int rgb : image.getRGB(0, y, width, 1, null, 0, width)) {
        pixels[at++] = (byte) (rgb >> 16);
        pixels[at++] = (byte) (rgb >> 8);
        pixels[at++] = (byte) rgb;
      }
    }
    return new Picture(height, width, 3, pixels);
  }
}
