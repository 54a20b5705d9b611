package dev.coppice.evaluation.data;

import java.util.Arrays;

/** An image of grey values (one channel) or red, green and blue (three). */
final class Picture {
  private final int height;
  private final int width;
  private final int channels;
  private final byte[] pixels;

  Picture(int height, int width, int channels, byte[] pixels) {
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.pixels = pixels;
  }

  /** Gives the pixels, row-major, the channels of each side by side: not a copy. */
  byte[] pixels() {
    return pixels;
  }

  /** Gives the image with one or three channels; grey is what Pillow's mode L has. */
  Picture withChannels(int wanted) {
    if (wanted == channels) {
      return this;
    }
    int count = height * width;
    byte[] converted = new byte[count * wanted];
    for (int i = 0; i < count; i++) {
      if (wanted == 3) {
        converted[3 * i] = pixels[i];
        converted[3 * i + 1] = pixels[i];
        converted[3 * i + 2] = pixels[i];
      } else {
        int red = pixels[3 * i] & 0xFF;
        int green = pixels[3 * i + 1] & 0xFF;
        int blue = pixels[3 * i + 2] & 0xFF;
        converted[i] = (byte) ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16);
      }
    }
    return new Picture(height, width, wanted, converted);
  }

  /**
   * Gives the image scaled so that it covers a size, what is beyond cut off on both sides alike: as
   * Pillow's {@code ImageOps.fit} with its bilinear filter, which takes the mean of what a pixel
   * covers where it makes the image smaller.
   */
  Picture fitted(int toHeight, int toWidth) {
    if (toHeight == height && toWidth == width) {
      return this;
    }
    double scale = Math.min((double) height / toHeight, (double) width / toWidth);
    double left = (width - toWidth * scale) / 2;
    double top = (height - toHeight * scale) / 2;
    // What is cut off above and below is never scaled: of a long strip it could fill the memory.
    double reach = Math.max(scale, 1) + 1;
    int from = (int) Math.max(0, top - reach);
    int to = (int) Math.min(height, top + toHeight * scale + reach + 1);
    return rows(from, to)
        .scaledAcross(left, scale, toWidth)
        .turned()
        .scaledAcross(top - from, scale, toHeight)
        .turned();
  }

  private Picture rows(int from, int to) {
    int bytes = width * channels;
    return new Picture(
        to - from, width, channels, Arrays.copyOfRange(pixels, from * bytes, to * bytes));
  }

  private Picture turned() {
    byte[] turned = new byte[pixels.length];
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < width; x++) {
        System.arraycopy(
            pixels, (y * width + x) * channels, turned, (x * height + y) * channels, channels);
      }
    }
    return new Picture(/* height= */ width, /* width= */ height, channels, turned);
  }

  private Picture scaledAcross(double left, double scale, int toWidth) {
    byte[] scaled = new byte[height * toWidth * channels];
    double reach = Math.max(scale, 1);
    for (int x = 0; x < toWidth; x++) {
      double centre = left + (x + 0.5) * scale;
      int from = Math.max(0, (int) (centre - reach + 0.5));
      int to = Math.min(width, (int) (centre + reach + 0.5));
      double[] weights = new double[to - from];
      double sum = 0;
      for (int i = from; i < to; i++) {
        weights[i - from] = Math.max(0, 1 - Math.abs((i - centre + 0.5) / reach));
        sum += weights[i - from];
      }
      for (int y = 0; y < height; y++) {
        for (int c = 0; c < channels; c++) {
          double value = 0;
          for (int i = from; i < to; i++) {
            value += weights[i - from] * (pixels[(y * width + i) * channels + c] & 0xFF);
          }
          scaled[(y * toWidth + x) * channels + c] = (byte) (value / sum + 0.5);
        }
      }
    }
    return new Picture(height, toWidth, channels, scaled);
  }
}
