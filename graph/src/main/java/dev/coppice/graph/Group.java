package dev.coppice.graph;

import java.util.List;
import java.util.Locale;

/**
 * Units that can be removed one by one, and the axes that each of them is cut from. All units of a
 * group are cut from the same axes.
 *
 * @param name the node that makes what is removed
 * @param kind what a unit is
 * @param slots the axes that are cut
 * @param units in the order of their indices
 */
public record Group(String name, Kind kind, List<Slot> slots, List<Unit> units) {
  /** What a unit is. */
  public enum Kind {
    /** A channel of convolutions. */
    CHANNELS,
    /** An attention head, or another stretch of channels that a Reshape makes one index of. */
    HEADS,
    /** A column of a matrix product. */
    NEURONS,
    /** A {@link Block}; no group has them, they go one by one. */
    LAYERS;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * What goes together.
   *
   * @param classId the class of {@link AxisClasses}
   * @param indices for each slot of the group, which indices
   */
  public record Unit(int classId, List<int[]> indices) {
    /** Holds what it is given. */
    public Unit {
      indices = List.copyOf(indices);
    }
  }

  /** Holds what it is given. */
  public Group {
    slots = List.copyOf(slots);
    units = List.copyOf(units);
  }
}
