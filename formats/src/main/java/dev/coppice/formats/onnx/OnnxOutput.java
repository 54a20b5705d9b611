package dev.coppice.formats.onnx;

import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.OutputFile;
import java.io.IOException;
import java.util.Optional;

/** The files that a copy of a model consists of. */
interface OnnxOutput extends AutoCloseable {
  /** Gives the file that is written for an input: the model, or a file of its external data. */
  OutputFile of(InputFile input);

  /** Gives the name that the model must call a file of external data by, if it is a new one. */
  Optional<String> renamed(InputFile external);

  /** Checks that the inputs did not change, and publishes the copy. */
  void commit() throws IOException;

  @Override
  void close();
}
