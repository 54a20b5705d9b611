/**
 * Files that are read by position, and files and folders that appear whole or not at all.
 *
 * <p>{@link dev.coppice.formats.files.InputFile} is one regular file of a model. {@link
 * dev.coppice.formats.files.FileTarget} publishes one file together with the data files it points
 * to; {@link dev.coppice.formats.files.FolderTarget} publishes a folder. What a run has written
 * before it died is found by the lock that it held, and removed by the next run.
 */
@NullMarked
package dev.coppice.formats.files;

import org.jspecify.annotations.NullMarked;
