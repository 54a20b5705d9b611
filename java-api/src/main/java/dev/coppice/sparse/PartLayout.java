package dev.coppice.sparse;

import dev.coppice.Shape;
import java.util.Arrays;
import java.util.List;

/**
 * What is known of a {@link Part} before its bytes are there: what a file must have for it.
 *
 * @param name within its format
 * @param type as safetensors names it
 * @param shape its dimensions; {@link #STORED} for one that depends on how many weights are stored
 * @param most the elements that it has at most
 */
public record PartLayout(String name, String type, List<Long> shape, long most) {
  /** A dimension that depends on how many weights are stored. */
  public static final long STORED = -1;

  /** Copies the shape. */
  public PartLayout {
    shape = List.copyOf(shape);
  }

  static PartLayout of(String name, String type, long... shape) {
    return new PartLayout(
        name, type, Arrays.stream(shape).boxed().toList(), Shape.of(shape).elements());
  }

  static PartLayout stored(String name, String type, long most) {
    return new PartLayout(name, type, List.of(STORED), most);
  }

  /** Says whether an array of that type and shape may be the part. */
  public boolean allows(String foundType, Shape found) {
    boolean same = foundType.equals(type) && found.rank() == shape.size();
    for (int i = 0; same && i < found.rank(); i++) {
      same = shape.get(i) == STORED || shape.get(i) == found.dimension(i);
    }
    return same && found.elements() <= most;
  }

  /** Writes it as {@code U8 [4096, 512]}; what depends on the weights as {@code *}. */
  @Override
  public String toString() {
    return type + " " + shape.toString().replace("-1", "*");
  }
}
