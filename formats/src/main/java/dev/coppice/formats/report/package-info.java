/**
 * Reports as JSON; docs/report.md is their schema.
 *
 * <p>{@link dev.coppice.formats.report.JsonReport} publishes one, {@link
 * dev.coppice.formats.report.Warnings} says what a reader of it should not miss.
 */
@NullMarked
package dev.coppice.formats.report;

import org.jspecify.annotations.NullMarked;
