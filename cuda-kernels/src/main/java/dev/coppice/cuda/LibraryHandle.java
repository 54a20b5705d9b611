package dev.coppice.cuda;

/** A library of NVIDIA's, opened in one context. Made, used and closed with that current. */
interface LibraryHandle extends AutoCloseable {
  @Override
  void close();
}
