package dev.coppice.evaluation.data;

import java.io.IOException;
import java.util.Map;

/** The samples that are used of one kind of data, by index. */
interface Samples extends AutoCloseable {
  int size();

  /** Gives the order in which samples are put into batches. */
  int[] order();

  /** Gives the size of the largest sample, in bytes of the model's inputs. */
  long sampleBytes();

  /** Gives what goes into each input of the model for these samples; few enough for memory. */
  Map<String, InputValues> read(int[] samples) throws IOException;

  /** Gives what is known of the right answers. */
  Truth truth();

  @Override
  void close();
}
