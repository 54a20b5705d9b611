package dev.coppice;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The order of tensors in a scope: by name, as unsigned UTF-8 bytes. */
public final class PositionOrder {
  private PositionOrder() {}

  /** Compares two names as unsigned UTF-8 bytes. */
  public static int compare(String a, String b) {
    return Arrays.compareUnsigned(
        a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }
}
