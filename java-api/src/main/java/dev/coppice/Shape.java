package dev.coppice;

import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The dimensions of a tensor, outermost first; row-major. A shape without dimensions is a scalar.
 */
public final class Shape {
  private final long[] dimensions;
  private final long elements;

  private Shape(long[] dimensions) {
    this.dimensions = dimensions;
    long product = 1;
    boolean empty = false;
    for (long d : dimensions) {
      if (d < 0) {
        throw new IllegalArgumentException("a dimension must be 0 or more, not " + d);
      }
      empty |= d == 0;
    }
    for (long d : dimensions) {
      product = empty ? 0 : Math.multiplyExact(product, d);
    }
    this.elements = product;
  }

  /** Makes a shape; refuses negative dimensions and products above 2^63 - 1. */
  public static Shape of(long... dimensions) {
    return new Shape(dimensions.clone());
  }

  /** Gives the number of dimensions. */
  public int rank() {
    return dimensions.length;
  }

  /** Gives one dimension. */
  public long dimension(int axis) {
    return dimensions[axis];
  }

  /** Gives the number of elements. */
  public long elements() {
    return elements;
  }

  /** Gives the product of the dimensions before {@code axis}. */
  public long before(int axis) {
    return product(0, axis);
  }

  /**
   * Gives the product of the dimensions after {@code axis}: the distance of neighbours along it.
   */
  public long after(int axis) {
    return product(axis + 1, dimensions.length);
  }

  private long product(int from, int to) {
    long product = 1;
    for (int i = from; i < to; i++) {
      product *= dimensions[i];
    }
    return product;
  }

  /** Gives a copy of the dimensions. */
  public long[] toArray() {
    return dimensions.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Shape shape && Arrays.equals(dimensions, shape.dimensions);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(dimensions);
  }

  /** Writes the shape as {@code 384x1536}; a scalar as {@code scalar}. */
  @Override
  public String toString() {
    return dimensions.length == 0
        ? "scalar"
        : Arrays.stream(dimensions).mapToObj(Long::toString).collect(Collectors.joining("x"));
  }
}
