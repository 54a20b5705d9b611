package dev.coppice.evaluation.data;

import dev.coppice.InvalidPlanException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Images for a model with one input, scaled to its size. */
final class ImageSamples implements Samples {
  private static final long MOST_KEPT = 128L << 20;
  private static final long MOST_PIXELS = 4096 * 4096;

  private final Pictures pictures;
  private final int[] picks;
  private final ModelInput input;
  private final boolean channelsFirst;
  private final int channels;
  private final int height;
  private final int width;
  private final float[][] values;
  private final Map<Integer, byte[]> fitted = new HashMap<>();

  private ImageSamples(Pictures pictures, List<ModelInput> inputs, DataOptions options)
      throws IOException {
    this.pictures = pictures;
    this.picks = options.pick(pictures.size());
    this.input = inputs.get(0);
    List<Long> shape = input.shape();
    if (inputs.size() > 1 || shape.size() != 4) {
      throw input.refused("is not the one image that a model for a folder of images takes");
    }
    this.channelsFirst = isChannels(shape.get(1));
    if (!channelsFirst && !isChannels(shape.get(3))) {
      throw input.refused("has no axis of 1 or 3 channels: " + shape);
    }
    this.channels = Math.toIntExact(shape.get(channelsFirst ? 1 : 3));
    Preprocessing preprocessing = Preprocessing.read(pictures.path());
    this.height = size(shape.get(channelsFirst ? 2 : 1), 0, preprocessing);
    this.width = size(shape.get(channelsFirst ? 3 : 2), 1, preprocessing);
    if (input.type().isWhole() && (input.type() != NumberType.U8 || preprocessing.scales())) {
      throw input.refused(
          "is of type %s; images are floats, or U8 without mean and std".formatted(input.type()));
    }
    this.values = new float[channels][];
    for (int c = 0; c < channels; c++) {
      values[c] = preprocessing.values(c, channels, pictures.path());
    }
  }

  /** Opens a folder of images, or images in an IDX file. */
  static ImageSamples open(Path path, List<ModelInput> inputs, DataOptions options)
      throws IOException {
    if (!Files.isDirectory(path)) {
      return new ImageSamples(IdxPictures.open(path), inputs, options);
    }
    List<Path> idx = FolderPictures.list(path).stream().filter(IdxPictures::isOne).toList();
    if (idx.size() > 1) {
      throw new InvalidPlanException(
          "%s has several files of images; name one of them: %s"
              .formatted(path, idx.stream().map(Path::getFileName).toList()));
    }
    return new ImageSamples(
        idx.isEmpty() ? FolderPictures.open(path) : IdxPictures.open(idx.get(0)), inputs, options);
  }

  private static boolean isChannels(long size) {
    return size == 1 || size == 3;
  }

  private int size(long fixed, int axis, Preprocessing preprocessing) {
    if (fixed < 0 && preprocessing.size().isEmpty()) {
      throw input.refused("has any size; put {\"size\": [HEIGHT, WIDTH]} into preprocess.json");
    }
    long size = fixed < 0 ? preprocessing.size().get(axis).longValue() : fixed;
    if (size < 1 || size * size > MOST_PIXELS) {
      throw input.refused("has a size that no image is scaled to: " + size);
    }
    return (int) size;
  }

  @Override
  public int size() {
    return picks.length;
  }

  @Override
  public int[] order() {
    return IntStream.range(0, picks.length).toArray();
  }

  @Override
  public long sampleBytes() {
    return (long) channels * height * width * input.type().bytes();
  }

  @Override
  public Map<String, InputValues> read(int[] samples) throws IOException {
    InputValues batch = InputValues.zeros(input.type(), samples.length, sample());
    for (int sample : samples) {
      put(pixels(sample), batch.data());
    }
    return Map.of(input.name(), batch);
  }

  private List<Long> sample() {
    return channelsFirst
        ? List.of((long) channels, (long) height, (long) width)
        : List.of((long) height, (long) width, (long) channels);
  }

  /** Gives an image at the model's size; those that fit into a bounded memory are kept. */
  private byte[] pixels(int sample) throws IOException {
    byte[] known = fitted.get(sample);
    if (known != null) {
      return known;
    }
    byte[] pixels =
        pictures.get(picks[sample]).withChannels(channels).fitted(height, width).pixels();
    if ((fitted.size() + 1L) * pixels.length <= MOST_KEPT) {
      fitted.put(sample, pixels);
    }
    return pixels;
  }

  private void put(byte[] pixels, ByteBuffer into) {
    if (!channelsFirst) {
      for (int i = 0; i < pixels.length; i++) {
        put(pixels[i], i % channels, into);
      }
      return;
    }
    for (int c = 0; c < channels; c++) {
      for (int i = c; i < pixels.length; i += channels) {
        put(pixels[i], c, into);
      }
    }
  }

  private void put(byte pixel, int channel, ByteBuffer into) {
    if (input.type().isWhole()) {
      into.put(pixel);
    } else {
      input.type().putReal(values[channel][pixel & 0xFF], into);
    }
  }

  @Override
  public Truth truth() {
    return pictures.isLabelled()
        ? new Truth.Labels(Arrays.stream(picks).mapToObj(pictures::label).toList())
        : new Truth.None();
  }

  @Override
  public void close() {
    fitted.clear();
  }
}
