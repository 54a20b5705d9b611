package dev.coppice.graph;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Models of several exporters, and shapes that they run with. */
enum RealModel {
  RESNET(
      "../evaluation/src/main/resources/dev/coppice/evaluation/fashion/fashion-resnet.onnx",
      "image",
      2,
      1,
      28,
      28),
  MOBILE("../../shared/data/fashion/fashion-mobile.onnx", "image", 2, 1, 28, 28),
  MINILM("all-minilm-l6-v2.onnx", "input_ids", 2, 16),
  BGE("bge-small-zh-v1.5.onnx", "input_ids", 2, 16),
  DETECT_V3("models/ch_PP-OCRv3_det_infer.onnx", "x", 1, 3, 64, 64),
  DETECT_V4("models/ch_PP-OCRv4_det_infer.onnx", "x", 1, 3, 64, 64),
  READ_V3("models/ch_PP-OCRv3_rec_infer.onnx", "x", 1, 3, 48, 64),
  READ_V4("models/ch_PP-OCRv4_rec_infer.onnx", "x", 1, 3, 48, 64),
  TURN_V2("models/ch_ppocr_mobile_v2.0_cls_infer.onnx", "x", 1, 3, 48, 96);

  private final String place;
  private final String input;

  @SuppressWarnings("ImmutableEnumChecker") // Nobody writes to it.
  private final long[] shape;

  RealModel(String place, String input, long... shape) {
    this.place = place;
    this.input = input;
    this.shape = shape;
  }

  /** Gives the model as a file; skips the test where it is not there. */
  Path file(Path folder) throws IOException {
    if (place.startsWith("..")) {
      Path file = Path.of(place);
      assumeTrue(Files.exists(file), file + " is not there");
      return file;
    }
    Path file = folder.resolve(name() + ".onnx");
    if (!Files.exists(file)) {
      try (InputStream stream = RealModel.class.getResourceAsStream("/" + place)) {
        assumeTrue(stream != null, place + " is not on the class path");
        Files.copy(stream, file);
      }
    }
    return file;
  }

  /** Whether it takes tokens; those are large, and tests look at fewer cuts of them. */
  boolean isTransformer() {
    return input.equals("input_ids");
  }

  Map<String, long[]> sizes() {
    return isTransformer()
        ? Map.of("input_ids", shape, "attention_mask", shape, "token_type_ids", shape)
        : Map.of(input, shape);
  }
}
