package dev.coppice;

import java.util.List;

/**
 * Which tensors a rule takes, by name (SPEC.md, "Which tensors").
 *
 * @param include globs on the whole name; none means every tensor of rank 2 or more whose name the
 *     default exclusions do not list
 * @param exclude globs on the whole name that narrow this further
 * @param defaults whether the default exclusions hold where nothing is included by name
 */
public record Selector(List<String> include, List<String> exclude, Defaults defaults) {
  /** What happens to the names that are excluded by default: embeddings, norms, heads, routers. */
  public enum Defaults {
    /** They are left alone. */
    HOLD,
    /** They are pruned like any other. */
    LIFTED
  }

  /** Takes what is taken by default. */
  public static final Selector DEFAULT = new Selector(List.of(), List.of(), Defaults.HOLD);

  /** Copies the lists and refuses globs that cannot be read. */
  public Selector {
    include = List.copyOf(include);
    exclude = List.copyOf(exclude);
    include.forEach(Glob::of);
    exclude.forEach(Glob::of);
  }
}
