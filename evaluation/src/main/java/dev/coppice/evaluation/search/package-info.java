/** The search for the smallest model that is still good enough. */
@org.jspecify.annotations.NullMarked
package dev.coppice.evaluation.search;
