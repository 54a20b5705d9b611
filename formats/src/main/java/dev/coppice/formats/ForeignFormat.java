package dev.coppice.formats;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A format that is known and not read, and what turns it into one that is. */
enum ForeignFormat {
  GGUF(
      "GGUF.*",
      ".*\\.gguf",
      "is a GGUF file, which is quantised for inference; prune the model it was made from, as"
          + " safetensors, and convert the result with llama.cpp's convert_hf_to_gguf.py"),
  HDF5(
      "\\x89HDF.*",
      ".*\\.(h5|hdf5|keras)",
      "is a Keras or HDF5 file; convert it to ONNX with `python -m tf2onnx.convert --keras`, or"
          + " to safetensors with safetensors.numpy.save_file"),
  NUMPY(
      "\\x93NUMPY.*",
      ".*\\.(npz|npy)",
      "is a NumPy file; convert it with safetensors.numpy.save_file(dict(numpy.load(...)))"),
  TENSORFLOW(
      "(?!)",
      "saved_model\\.pb",
      "is a TensorFlow SavedModel; convert it to ONNX with `python -m tf2onnx.convert"
          + " --saved-model`"),
  PYTORCH(
      "(PK\\x03\\x04|\\x80[\\x02-\\x05]).*",
      ".*\\.(bin|pt|pth|ckpt)(\\.index\\.json)?",
      "is a PyTorch file, a pickle that can run code when it is loaded; convert it with"
          + " model.save_pretrained(..., safe_serialization=True), or with"
          + " safetensors.torch.save_file(torch.load(..., weights_only=True))");

  private static final int MAGIC_BYTES = 8;

  private final Pattern magic;
  private final Pattern name;
  private final String advice;

  ForeignFormat(String magic, String name, String advice) {
    this.magic = Pattern.compile(magic, Pattern.DOTALL);
    this.name = Pattern.compile(name);
    this.advice = advice;
  }

  /**
   * Gives what to tell the user about a file, recognised by its name or else by its first bytes, or
   * about a folder that has such a file in it.
   */
  static Optional<String> advice(Path path) throws IOException {
    if (!Files.isDirectory(path)) {
      return named(path).or(() -> begun(path)).map(format -> format.advice);
    }
    try (Stream<Path> list = Files.list(path)) {
      return list.sorted()
          .flatMap(
              file ->
                  named(file).stream()
                      .map(format -> "has " + file.getFileName() + ", which " + format.advice))
          .findFirst();
    }
  }

  private static Optional<ForeignFormat> named(Path path) {
    String file = String.valueOf(path.getFileName());
    return Arrays.stream(values()).filter(f -> f.name.matcher(file).matches()).findFirst();
  }

  private static Optional<ForeignFormat> begun(Path path) {
    if (!Files.isRegularFile(path)) {
      return Optional.empty();
    }
    try (InputStream in = Files.newInputStream(path)) {
      String bytes = new String(in.readNBytes(MAGIC_BYTES), StandardCharsets.ISO_8859_1);
      return Arrays.stream(values()).filter(f -> f.magic.matcher(bytes).matches()).findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
