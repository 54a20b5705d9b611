/**
 * Plans as people write them: {@link dev.coppice.formats.recipe.Recipe} reads a YAML file, {@link
 * dev.coppice.formats.recipe.RuleBuilder} a rule's fields one by one.
 */
@NullMarked
package dev.coppice.formats.recipe;

import org.jspecify.annotations.NullMarked;
