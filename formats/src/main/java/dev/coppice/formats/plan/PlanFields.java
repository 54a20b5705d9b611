package dev.coppice.formats.plan;

import dev.coppice.DType;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/** The fields of a JSON object, each of the kind and within the bounds that a plan has. */
record PlanFields(Map<String, Object> values) {
  /** A number as it is written. */
  record Numeral(String digits) {
    /** Says whether it is a number of JSON, not a word such as NaN. */
    boolean isFinite() {
      return Character.isDigit(digits.charAt(digits.length() - 1));
    }

    @Override
    public String toString() {
      return digits;
    }
  }

  LinearPlan.Row row() {
    String[] shape = text("shape").split("x", -1);
    if (shape.length != 2) {
      throw refused("shape", "OUTxIN");
    }
    return new LinearPlan.Row(
        text("layer"),
        dimension(shape[0], Long.MAX_VALUE),
        (int) dimension(shape[1], Integer.MAX_VALUE),
        dtype(),
        number("sparsity", 0, 1),
        natural("batch"),
        text("provider"),
        Format.named(text("format")),
        number("seconds", Double.MIN_VALUE, Double.MAX_VALUE),
        number("spread", 0, Double.MAX_VALUE),
        number("speedup", Double.MIN_VALUE, Double.MAX_VALUE),
        natural("bytes"),
        values.containsKey("joules")
            ? Optional.of(number("joules", 0, Double.MAX_VALUE))
            : Optional.empty(),
        truth("chosen"));
  }

  String text(String name) {
    if (values.get(name) instanceof String text) {
      return text;
    }
    throw refused(name, "a text");
  }

  private boolean truth(String name) {
    if (values.get(name) instanceof Boolean truth) {
      return truth;
    }
    throw refused(name, "true or false");
  }

  /** Gives a number of 1 or more. */
  long natural(String name) {
    if (values.get(name) instanceof Numeral number) {
      Optional<Long> value = whole(number.digits(), Long.MAX_VALUE);
      if (value.isPresent()) {
        return value.get();
      }
    }
    throw refused(name, "a whole number, 1 or more");
  }

  private static Optional<Long> whole(String digits, long most) {
    if (!digits.matches("[1-9]\\d{0,17}")) {
      return Optional.empty();
    }
    long value = Long.parseLong(digits);
    return value <= most ? Optional.of(value) : Optional.empty();
  }

  private long dimension(String digits, long most) {
    return whole(digits, most).orElseThrow(() -> refused("shape", "OUTxIN"));
  }

  private double number(String name, double least, double most) {
    if (values.get(name) instanceof Numeral number && number.isFinite()) {
      double value = Double.parseDouble(number.digits());
      if (value >= least && value <= most) {
        return value;
      }
    }
    throw refused(
        name,
        most == Double.MAX_VALUE
            ? least == 0 ? "a number, 0 or more" : "a number above 0"
            : "a number from 0 to 1");
  }

  private DType dtype() {
    String name = text("dtype");
    return Arrays.stream(DType.values())
        .filter(dtype -> dtype.name().equals(name))
        .findFirst()
        .orElseThrow(() -> refused("dtype", "one of " + Arrays.toString(DType.values())));
  }

  private IllegalArgumentException refused(String name, String rule) {
    Object value = values.get(name);
    return new IllegalArgumentException(
        value == null
            ? "\"%s\" is missing; it must be %s".formatted(name, rule)
            : "\"%s\" must be %s, not %s".formatted(name, rule, value));
  }
}
