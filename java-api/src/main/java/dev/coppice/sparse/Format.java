package dev.coppice.sparse;

import dev.coppice.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** How the weights of a linear layer are held. */
public enum Format {
  /** All weights, as they come. */
  DENSE("dense"),
  /** Two of four weights, with their positions: {@link TwoFour}. */
  TWO_FOUR("2:4"),
  /** The weights that are not zero, and one bit for each weight: {@link Bitmap}. */
  BITMAP("bitmap"),
  /** The weights that are not zero, and their columns: {@link Csr}. */
  CSR("csr");

  private final String title;

  Format(String title) {
    this.title = title;
  }

  /** Gives its name in files and for people. */
  public String title() {
    return title;
  }

  /**
   * Gives what weights [out, in] in this format consist of, in the order of {@link
   * LinearWeights#parts}.
   *
   * @throws IllegalArgumentException if there can be no such weights
   */
  public List<PartLayout> layout(DType dtype, long out, long in) {
    int columns = new StoredParts(dtype, out, in, Map.of()).columns();
    return switch (this) {
      case DENSE -> List.of(PartLayout.of("values", dtype.name(), out, in));
      case TWO_FOUR -> TwoFour.layout(dtype, out, columns);
      case BITMAP -> Bitmap.layout(dtype, out, columns);
      case CSR -> Csr.layout(dtype, out, columns);
    };
  }

  /**
   * Gives the format of that name.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Format named(String title) {
    return Arrays.stream(values())
        .filter(format -> format.title.equals(title))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "a format must be one of %s, not \"%s\""
                        .formatted(
                            Arrays.stream(values())
                                .map(Format::title)
                                .collect(Collectors.joining(", ")),
                            title)));
  }
}
