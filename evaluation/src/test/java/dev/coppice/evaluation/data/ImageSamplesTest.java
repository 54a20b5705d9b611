package dev.coppice.evaluation.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.InvalidPlanException;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.GZIPOutputStream;
import javax.imageio.ImageIO;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ImageSamplesTest {
  private static final DataOptions ALL = DataOptions.withThreads(1);

  @TempDir private Path folder;

  private static ModelInput input(long... sample) {
    return new ModelInput(
        "pixels",
        NumberType.F32,
        Arrays.stream(new long[] {-1, sample[0], sample[1], sample[2]}).boxed().toList());
  }

  /** Writes an image whose pixels are given as 0xRRGGBB. */
  private Path write(String name, int type, int[]... rows) throws IOException {
    BufferedImage image = new BufferedImage(rows[0].length, rows.length, type);
    for (int y = 0; y < rows.length; y++) {
      for (int x = 0; x < rows[y].length; x++) {
        if (type == BufferedImage.TYPE_BYTE_GRAY) {
          image.getRaster().setSample(x, y, 0, rows[y][x]);
        } else {
          image.setRGB(x, y, 0xFF000000 | rows[y][x]);
        }
      }
    }
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    String format = name.substring(name.lastIndexOf('.') + 1);
    assertThat(ImageIO.write(image, format, file.toFile())).isTrue();
    return file;
  }

  private static float[] floats(InputValues values) {
    float[] floats = new float[values.data().capacity() / 4];
    values.data().clear().asFloatBuffer().get(floats);
    return floats;
  }

  private static float[] pixels(ImageSamples samples, int... which) throws IOException {
    return floats(Objects.requireNonNull(samples.read(which).get("pixels")));
  }

  private static void refused(Code code, String message, ThrowingCallable work) {
    assertThatThrownBy(work)
        .isInstanceOf(CheckpointFormatException.class)
        .hasMessageContaining(code.name())
        .hasMessageContaining(message);
  }

  private ImageSamples open(ModelInput... inputs) throws IOException {
    return ImageSamples.open(folder, List.of(inputs), ALL);
  }

  @Test
  void theLabelIsTheIndexOfTheFolderAmongTheSortedOnes() throws IOException {
    write("dog/b.png", BufferedImage.TYPE_INT_RGB, new int[] {0x030303});
    write("cat/z.png", BufferedImage.TYPE_INT_RGB, new int[] {0x020202});
    write("cat/A.BMP", BufferedImage.TYPE_INT_RGB, new int[] {0x010101});
    Files.createDirectories(folder.resolve("bird"));
    Files.writeString(folder.resolve("cat/notes.txt"), "no image");
    Files.writeString(folder.resolve("cat/.hidden.png"), "no image");
    ImageSamples samples = open(input(1, 1, 1));
    assertThat(samples.truth()).isEqualTo(new Truth.Labels(List.of(1, 1, 2)));
    assertThat(pixels(samples, 0, 1, 2)).containsExactly(1 / 255f, 2 / 255f, 3 / 255f);
  }

  @Test
  void imagesBesideEachOtherHaveNoLabels() throws IOException {
    write("b.png", BufferedImage.TYPE_INT_RGB, new int[] {0x030303});
    write("a.png", BufferedImage.TYPE_INT_RGB, new int[] {0x050505});
    ImageSamples samples = open(input(1, 1, 1));
    assertThat(samples.truth()).isEqualTo(new Truth.None());
    assertThat(pixels(samples, 1, 0)).containsExactly(3 / 255f, 5 / 255f);
  }

  @ParameterizedTest
  @ValueSource(strings = {"png", "bmp"})
  void colouredPixelsComeInTheModelsLayout(String format) throws IOException {
    int[][] rows = {{0x010203, 0x040506}, {0x070809, 0x0A0B0C}};
    write("a." + format, BufferedImage.TYPE_3BYTE_BGR, rows);
    float[] planes = pixels(open(input(3, 2, 2)), 0);
    float[] side = pixels(open(input(2, 2, 3)), 0);
    for (int i = 0; i < 12; i++) {
      assertThat(side[i] * 255).isCloseTo(1 + i, within(1e-4f));
      assertThat(planes[i % 3 * 4 + i / 3]).isEqualTo(side[i]);
    }
  }

  @Test
  void aTableOfColoursIsLookedUpAndTransparencyIsLeftOut() throws IOException {
    write("a.png", BufferedImage.TYPE_BYTE_INDEXED, new int[] {0xFF0000, 0x00FF00});
    write("b.png", BufferedImage.TYPE_INT_ARGB, new int[] {0x0000FF, 0xFFFFFF});
    assertThat(pixels(open(input(3, 1, 2)), 0, 1))
        .containsExactly(1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1);
  }

  @Test
  void greyValuesStayWhatTheFileHasAndFillThreeChannels() throws IOException {
    write("a.png", BufferedImage.TYPE_BYTE_GRAY, new int[] {100, 7});
    assertThat(pixels(open(input(3, 1, 2)), 0))
        .containsExactly(100 / 255f, 7 / 255f, 100 / 255f, 7 / 255f, 100 / 255f, 7 / 255f);
  }

  @Test
  void aJpegIsReadToWithinItsLoss() throws IOException {
    int[][] rows = new int[16][16];
    for (int[] row : rows) {
      Arrays.fill(row, 0xC86432);
    }
    write("a.jpg", BufferedImage.TYPE_INT_RGB, rows);
    assertThat(pixels(open(input(16, 16, 3)), 0))
        .startsWith(new float[] {200 / 255f, 100 / 255f, 50 / 255f}, within(0.02f));
  }

  @Test
  void scaledImagesAreThoseOfPyTorchsAntialiasedInterpolation() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(ImageSamplesTest.class.getResourceAsStream("scaled.txt"))) {
      for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList()) {
        double[] n = Arrays.stream(line.split(" ")).mapToDouble(Double::parseDouble).toArray();
        int height = (int) n[0];
        int width = (int) n[1];
        byte[] grey = new byte[height * width];
        for (int i = 0; i < grey.length; i++) {
          grey[i] = (byte) (int) n[4 + i];
        }
        byte[] scaled = new Picture(height, width, 1, grey).fitted((int) n[2], (int) n[3]).pixels();
        assertThat(scaled).hasSize((int) (n[2] * n[3]));
        for (int i = 0; i < scaled.length; i++) {
          // Rounded twice: once for each direction.
          assertThat(scaled[i] & 0xFF)
              .isCloseTo((int) Math.round(n[4 + grey.length + i]), within(1));
        }
      }
    }
  }

  @Test
  void aLongStripIsCutBeforeItIsScaled() {
    Picture strip = new Picture(4_000_000, 1, 1, new byte[4_000_000]);
    assertThat(strip.fitted(512, 512).pixels()).hasSize(512 * 512);
  }

  @Test
  void meanAndStdAndSizeAreThoseOfTheFile() throws IOException {
    write("a/x.png", BufferedImage.TYPE_BYTE_GRAY, new int[] {51, 51}, new int[] {51, 51});
    Files.writeString(
        folder.resolve("preprocess.json"),
        "{\"mean\": [0.1, 0.2, 0.3], \"std\": [0.5], \"size\": [1, 1]}");
    assertThat(pixels(open(input(3, -1, -1)), 0))
        .containsExactly(new float[] {0.2f, 0, -0.2f}, within(1e-6f));
    refused(Code.UNSUPPORTED, "has 3 numbers for 1 channels", () -> open(input(1, 1, 1)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{\"mean\": 1}",
        "{\"mean\": []}",
        "{\"mean\": [\"a\"]}",
        "{\"mean\": [1, 2, 3, 4]}",
        "{\"std\": [0]}",
        "{\"std\": [1e999]}",
        "{\"size\": [1]}",
        "{\"size\": [1.5, 2]}",
        "{\"size\": [1, 1000000]}",
        "{\"mean\": [1], \"mean\": [1]}",
        "{\"scale\": [1]}",
        "{\"mean\": [1",
        "{} {}",
      })
  void anotherPreprocessingIsRefused(String json) throws IOException {
    write("x.png", BufferedImage.TYPE_INT_RGB, new int[] {0});
    Files.writeString(folder.resolve("preprocess.json"), json);
    refused(Code.UNSUPPORTED, "preprocess.json", () -> open(input(1, 1, 1)));
  }

  @Test
  void aModelThatTakesNoImagesIsRefused() throws IOException {
    write("x.png", BufferedImage.TYPE_INT_RGB, new int[] {0});
    ModelInput longs = new ModelInput("n", NumberType.I64, List.of(-1L, 1L, 1L, 1L));
    ModelInput flat = new ModelInput("n", NumberType.F32, List.of(-1L, 1L));
    for (ModelInput[] inputs :
        new ModelInput[][] {
          {longs}, {flat}, {input(2, 4, 4)}, {input(1, -1, 4)}, {input(1, 1, 1), longs}
        }) {
      assertThatThrownBy(() -> open(inputs)).isInstanceOf(InvalidPlanException.class);
    }
  }

  @Test
  void aFolderWithoutImagesIsRefused() {
    refused(Code.UNSUPPORTED, "has no images", () -> open(input(1, 1, 1)));
  }

  @Test
  void anImageThatLeadsOutsideOfTheFolderIsRefused(@TempDir Path outside) throws IOException {
    Path secret = write("x.png", BufferedImage.TYPE_INT_RGB, new int[] {0});
    Files.createSymbolicLink(outside.resolve("link.png"), secret);
    ImageSamples samples = ImageSamples.open(outside, List.of(input(1, 1, 1)), ALL);
    refused(Code.PATH_ESCAPE, "outside of the folder", () -> samples.read(new int[] {0}));
  }

  /** Makes a PNG that has nothing but a size. */
  private static byte[] bomb(int width, int height) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    byte[] header =
        ByteBuffer.allocate(17)
            .put("IHDR".getBytes(StandardCharsets.US_ASCII))
            .putInt(width)
            .putInt(height)
            .put(new byte[] {8, 2, 0, 0, 0})
            .array();
    out.writeLong(0x89504E470D0A1A0AL);
    out.writeInt(13);
    out.write(header);
    CRC32 crc = new CRC32();
    crc.update(header);
    out.writeInt((int) crc.getValue());
    // The data begins with a chunk of no bytes.
    out.writeInt(0);
    out.writeBytes("IDAT");
    return bytes.toByteArray();
  }

  @Test
  void anImageOfTooManyPixelsIsRefusedByItsHeader() throws IOException {
    for (int[] size : new int[][] {{100_000, 100_000}, {Integer.MAX_VALUE, Integer.MAX_VALUE}}) {
      Files.write(folder.resolve("x.png"), bomb(size[0], size[1]));
      refused(Code.LIMIT, size[0] + " x", () -> open(input(1, 1, 1)).read(new int[] {0}));
    }
  }

  @Test
  void damagedImagesAreRefusedOrRead() throws IOException {
    byte[] png = Files.readAllBytes(write("x.png", BufferedImage.TYPE_INT_RGB, new int[8][8]));
    byte[] bmp = Files.readAllBytes(write("x.bmp", BufferedImage.TYPE_INT_RGB, new int[8][8]));
    byte[] jpeg = Files.readAllBytes(write("x.jpg", BufferedImage.TYPE_INT_RGB, new int[8][8]));
    Files.delete(folder.resolve("x.bmp"));
    Files.delete(folder.resolve("x.jpg"));
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 600; i++) {
      byte[] bytes = List.of(png, bmp, jpeg).get(i % 3).clone();
      for (int j = 0; j < 3; j++) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      Files.write(folder.resolve("x.png"), bytes);
      try {
        open(input(1, 4, 4)).read(new int[] {0});
      } catch (CheckpointFormatException e) {
        refused++;
      }
    }
    assertThat(refused).isBetween(50, 599);
  }

  private static byte[] idx(int magic, int... dimensions) {
    int elements = Arrays.stream(dimensions).reduce(1, Math::multiplyExact);
    ByteBuffer bytes = ByteBuffer.allocate(4 + 4 * dimensions.length + elements).putInt(magic);
    Arrays.stream(dimensions).forEach(bytes::putInt);
    for (int i = 0; i < elements; i++) {
      bytes.put((byte) i);
    }
    return bytes.array();
  }

  private static void gzip(Path file, byte[] bytes) throws IOException {
    try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(file))) {
      out.write(bytes);
    }
  }

  @Test
  void imagesAndLabelsOfIdxFilesAreRead() throws IOException {
    Path images = folder.resolve("t-images-idx3-ubyte.gz");
    gzip(images, idx(0x803, 3, 1, 2));
    ImageSamples samples = open(input(1, 1, 2));
    assertThat(samples.truth()).isEqualTo(new Truth.None());
    gzip(folder.resolve("t-labels-idx1-ubyte.gz"), idx(0x801, 3));
    samples = ImageSamples.open(images, List.of(input(1, 1, 2)), ALL.withSamples(2));
    assertThat(samples.truth()).isEqualTo(new Truth.Labels(List.of(0, 1)));
    assertThat(pixels(samples, 0, 1)).containsExactly(0, 1 / 255f, 2 / 255f, 3 / 255f);
    Files.write(folder.resolve("u-images-idx3-ubyte"), idx(0x803, 1, 1, 2));
    assertThatThrownBy(() -> open(input(1, 1, 2)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("name one of them");
  }

  @Test
  void damagedIdxFilesAreRefused() throws IOException {
    Path images = folder.resolve("t-images-idx3-ubyte.gz");
    gzip(images, idx(0x803, 3, 1, 2));
    gzip(folder.resolve("t-labels-idx1-ubyte.gz"), idx(0x801, 4));
    refused(Code.SHAPE, "4 labels for 3 images", () -> open(input(1, 1, 2)));
    gzip(images, idx(0x801, 3));
    refused(Code.UNSUPPORTED, "with 3 dimensions", () -> open(input(1, 1, 2)));
    Files.write(images, new byte[30]);
    refused(Code.UNSUPPORTED, "is refused", () -> open(input(1, 1, 2)));
  }
}
