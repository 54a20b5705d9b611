/**
 * Plans of linear layers as JSON, docs/linear.md has their schema, and what was measured kept from
 * one run to the next.
 */
@NullMarked
package dev.coppice.formats.plan;

import org.jspecify.annotations.NullMarked;
