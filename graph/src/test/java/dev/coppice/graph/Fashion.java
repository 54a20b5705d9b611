package dev.coppice.graph;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/** The test images of Fashion-MNIST. */
final class Fashion {
  private static final Path FOLDER = Path.of("../../shared/data/fashion");
  private static final int PIXELS = 28 * 28;
  private static final int BATCH = 100;

  private final byte[] pixels;
  private final byte[] labels;

  private Fashion(byte[] pixels, byte[] labels) {
    this.pixels = pixels;
    this.labels = labels;
  }

  /** Reads the images; skips the test where they are not there. */
  static Fashion read() throws IOException {
    assumeTrue(Files.exists(FOLDER), FOLDER + " is not there");
    return new Fashion(read("t10k-images-idx3-ubyte.gz", 16), read("t10k-labels-idx1-ubyte.gz", 8));
  }

  private static byte[] read(String name, int header) throws IOException {
    try (DataInputStream in =
        new DataInputStream(new GZIPInputStream(Files.newInputStream(FOLDER.resolve(name))))) {
      in.skipNBytes(header);
      return in.readAllBytes();
    }
  }

  /** Gives some of the images in batches. */
  Feeds images(int from, int to) {
    List<Map<String, Feeds.Feed>> batches = new ArrayList<>();
    for (int first = from; first < to; first += BATCH) {
      FloatBuffer values = FloatBuffer.allocate(Math.min(BATCH, to - first) * PIXELS);
      for (int i = 0; i < values.capacity(); i++) {
        values.put(i, Byte.toUnsignedInt(pixels[first * PIXELS + i]) / 255f);
      }
      batches.add(Map.of("image", new Feeds.Feed(values, values.capacity() / PIXELS, 1, 28, 28)));
    }
    return new Feeds(batches);
  }

  /** Gives the share of some of the images that a classifier sorts right. */
  double accuracy(byte[] model, int from, int to) throws IOException {
    int right = 0;
    Feeds feeds = images(from, to);
    try (Calibration.Session session = feeds.open(model)) {
      for (int batch = 0; batch < feeds.batches(); batch++) {
        FloatBuffer scores = session.run(batch).values().iterator().next().values();
        for (int i = 0; i < scores.limit() / 10; i++) {
          right += best(scores, 10 * i) == labels[from + batch * BATCH + i] ? 1 : 0;
        }
      }
    }
    return (double) right / (to - from);
  }

  private static int best(FloatBuffer scores, int first) {
    int best = 0;
    for (int i = 1; i < 10; i++) {
      best = scores.get(first + i) > scores.get(first + best) ? i : best;
    }
    return best;
  }
}
