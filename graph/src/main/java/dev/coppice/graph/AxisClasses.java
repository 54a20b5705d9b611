package dev.coppice.graph;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The indices of all axes of all values, sorted into classes that can only be removed together.
 * Each index of an axis of a known size is an atom; the classes are a union-find over atoms. A
 * class that is frozen cannot be removed at all. An axis of size 1, or of a size that an input
 * decides, has no atoms and is never cut.
 */
final class AxisClasses {
  /** More would be a graph whose values have hundreds of millions of indices: 4 bytes each. */
  private static final int MOST_ATOMS = 1 << 27;

  private final Path path;
  private final Map<String, int[]> firsts = new HashMap<>();
  private final Map<String, long[]> shapes = new HashMap<>();
  private int[] parents = new int[1 << 12];
  private int atoms;
  private final Map<Integer, String> frozen = new HashMap<>();
  private final BitSet contracted = new BitSet();
  private final BitSet nonZero = new BitSet();
  private final BitSet heads = new BitSet();

  AxisClasses(Path path) {
    this.path = path;
  }

  /** Adds a value whose shape is known. */
  void add(String value, long[] shape) {
    if (firsts.containsKey(value)) {
      return;
    }
    int[] first = new int[shape.length];
    for (int axis = 0; axis < shape.length; axis++) {
      boolean cuttable = Dim.isKnown(shape[axis]) && shape[axis] > 1;
      first[axis] = cuttable ? grow(shape[axis]) : -1;
    }
    firsts.put(value, first);
    shapes.put(value, shape);
  }

  private int grow(long count) {
    if (count > MOST_ATOMS - atoms) {
      throw CheckpointFormatException.of(
          Code.LIMIT, path, "its values have more than " + MOST_ATOMS + " indices");
    }
    int first = atoms;
    atoms += (int) count;
    if (atoms > parents.length) {
      parents = Arrays.copyOf(parents, Math.max(atoms, parents.length * 2));
    }
    for (int i = first; i < atoms; i++) {
      parents[i] = i;
    }
    return first;
  }

  boolean has(String value) {
    return firsts.containsKey(value);
  }

  long @Nullable [] shape(String value) {
    return shapes.get(value);
  }

  int rank(String value) {
    int[] first = firsts.get(value);
    return first == null ? 0 : first.length;
  }

  /** Whether an axis has atoms. */
  boolean has(String value, int axis) {
    int[] first = firsts.get(value);
    return first != null && axis >= 0 && axis < first.length && first[axis] >= 0;
  }

  /** Gives the size of an axis that has atoms, and 1 for another. */
  int size(String value, int axis) {
    long[] shape = shapes.get(value);
    return shape != null && has(value, axis) ? (int) shape[axis] : 1;
  }

  /** Gives the atom of an index. */
  int atom(String value, int axis, int index) {
    int[] first = firsts.get(value);
    if (first == null || first[axis] < 0) {
      throw new IllegalArgumentException(value + " has no atoms on axis " + axis);
    }
    return first[axis] + index;
  }

  /** Gives the class of an atom: one of its atoms, the same for all. */
  int find(int atom) {
    int at = atom;
    while (parents[at] != at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  }

  void unite(int a, int b) {
    int kept = find(a);
    int lost = find(b);
    if (kept == lost) {
      return;
    }
    parents[lost] = kept;
    String reason = frozen.remove(lost);
    if (reason != null) {
      frozen.putIfAbsent(kept, reason);
    }
    carry(contracted, lost, kept);
    carry(nonZero, lost, kept);
    carry(heads, lost, kept);
  }

  private static void carry(BitSet flags, int lost, int kept) {
    if (flags.get(lost)) {
      flags.set(kept);
    }
  }

  /** Freezes the whole of an axis. */
  void freeze(String value, int axis, String reason) {
    if (has(value, axis)) {
      int first = atom(value, axis, 0);
      for (int i = 0; i < size(value, axis); i++) {
        freeze(first + i, reason);
      }
    }
  }

  /** Freezes the class of an atom; the first reason stays. */
  void freeze(int atom, String reason) {
    frozen.putIfAbsent(find(atom), reason);
  }

  /** Gives why the class of an atom cannot be removed, if it cannot. */
  Optional<String> frozen(int atom) {
    return Optional.ofNullable(frozen.get(find(atom)));
  }

  /** Whether no index of an axis can be removed; an axis without atoms is such. */
  boolean isFrozen(String value, int axis) {
    if (!has(value, axis)) {
      return true;
    }
    int first = atom(value, axis, 0);
    for (int i = 0; i < size(value, axis); i++) {
      if (frozen(first + i).isEmpty()) {
        return false;
      }
    }
    return true;
  }

  /** Says that activations are summed over an axis: what is removed must have been zero. */
  void contract(String value, int axis) {
    mark(contracted, value, axis);
  }

  /** Whether activations are summed over an axis that a class is of. */
  boolean isContracted(int classId) {
    return contracted.get(find(classId));
  }

  /** Says that an operator may make something else than zero of zeros on an axis. */
  void nonZero(String value, int axis) {
    mark(nonZero, value, axis);
  }

  private void mark(BitSet flags, String value, int axis) {
    if (has(value, axis)) {
      int first = atom(value, axis, 0);
      for (int i = 0; i < size(value, axis); i++) {
        flags.set(find(first + i));
      }
    }
  }

  /** Says that an axis of channels was folded into heads here. */
  void head(int atom) {
    heads.set(find(atom));
  }

  boolean isHead(int atom) {
    return heads.get(find(atom));
  }

  /** Freezes the classes whose removal would leave something out of a sum that is not zero. */
  void freezeInexact() {
    for (int atom = 0; atom < atoms; atom++) {
      if (parents[atom] == atom && contracted.get(atom) && nonZero.get(atom)) {
        freeze(
            atom,
            "is summed over without weights after an operator that makes more than zero of zero");
      }
    }
  }
}
