package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class ShapeTest {
  @Test
  void aShapeIsRowMajor() {
    Shape shape = Shape.of(2, 3, 5);
    assertThat(shape.rank()).isEqualTo(3);
    assertThat(shape.dimension(1)).isEqualTo(3);
    assertThat(shape.elements()).isEqualTo(30);
    assertThat(shape.before(0)).isEqualTo(1);
    assertThat(shape.before(2)).isEqualTo(6);
    assertThat(shape.after(0)).isEqualTo(15);
    assertThat(shape.after(2)).isEqualTo(1);
    assertThat(shape).hasToString("2x3x5");
  }

  @Test
  void aScalarHasOneElement() {
    assertThat(Shape.of().elements()).isEqualTo(1);
    assertThat(Shape.of().rank()).isZero();
    assertThat(Shape.of()).hasToString("scalar");
  }

  @Test
  void anEmptyShapeHasNoElementsHoweverLargeItsOtherDimensions() {
    assertThat(Shape.of(Long.MAX_VALUE, Long.MAX_VALUE, 0).elements()).isZero();
  }

  @Test
  void sizesReachFarBeyond32Bits() {
    assertThat(Shape.of(1L << 31, 1L << 31).elements()).isEqualTo(1L << 62);
    assertThat(Shape.of(Long.MAX_VALUE).elements()).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void whatNobodyCanCountIsRefused() {
    assertThatExceptionOfType(ArithmeticException.class)
        .isThrownBy(() -> Shape.of(1L << 32, 1L << 31));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Shape.of(2, -1))
        .withMessage("a dimension must be 0 or more, not -1");
  }

  @Test
  void shapesAreValues() {
    long[] dimensions = {2, 3};
    Shape shape = Shape.of(dimensions);
    dimensions[0] = 9;
    shape.toArray()[1] = 9;
    assertThat(shape).isEqualTo(Shape.of(2, 3)).hasSameHashCodeAs(Shape.of(2, 3));
    assertThat(shape).isNotEqualTo(Shape.of(3, 2)).isNotEqualTo(Shape.of(2, 3, 1));
  }
}
