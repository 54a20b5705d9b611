package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** What models are measured by. The dense model takes it first. */
interface Exam<Q> {
  /** Gives the headings of the columns that {@link #cells} fills, padded to their widths. */
  List<String> headings();

  /** Runs a model and gives how well it did. */
  Q examine(Path model) throws IOException, OrtException;

  List<String> cells(Q quality);
}
