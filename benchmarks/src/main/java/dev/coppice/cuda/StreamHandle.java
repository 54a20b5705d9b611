package dev.coppice.cuda;

import jcuda.driver.CUstream;

/** Lets out the handle of a stream, by which other code names it. */
public final class StreamHandle {
  private StreamHandle() {}

  /** Gives the handle that JCuda keeps. */
  public static long of(CUstream stream) {
    return RawStream.handle(stream);
  }
}
