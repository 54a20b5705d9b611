package dev.coppice.cuda;

import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A library of NVIDIA's, opened in one context. Made, used and closed with that current. */
interface LibraryHandle extends AutoCloseable {
  /** Asks for a part of the version, one of libraryPropertyType. */
  @FunctionalInterface
  interface Property {
    void get(int which, int[] part);
  }

  /** Gives a version, such as 12.6.1. */
  static String version(Property property) {
    return IntStream.range(0, 3)
        .mapToObj(
            which -> {
              int[] part = new int[1];
              property.get(which, part);
              return Integer.toString(part[0]);
            })
        .collect(Collectors.joining("."));
  }

  @Override
  void close();
}
