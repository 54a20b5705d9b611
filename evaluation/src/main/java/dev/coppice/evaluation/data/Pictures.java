package dev.coppice.evaluation.data;

import java.io.IOException;
import java.nio.file.Path;

/** Images with or without labels, by index. */
interface Pictures {
  /** Gives the folder or file that they are from. */
  Path path();

  int size();

  Picture get(int index) throws IOException;

  boolean isLabelled();

  /** Gives the class of an image; only if {@link #isLabelled}. */
  int label(int index);
}
