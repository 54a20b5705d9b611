package dev.coppice.spi;

/**
 * Where a slice lies in its tensor: {@code runs} runs of {@code runLength} elements, {@code stride}
 * apart, from element {@code first} on.
 */
record Region(Weights weights, long first, int runs, int runLength, long stride) {
  static Region contiguous(Weights weights, long first, int length) {
    return new Region(weights, first, 1, length, length);
  }

  int elements() {
    return runs * runLength;
  }

  int bytes() {
    return elements() * weights.dtype().bytes();
  }

  boolean isContiguous() {
    return runs == 1 || stride == runLength;
  }
}
