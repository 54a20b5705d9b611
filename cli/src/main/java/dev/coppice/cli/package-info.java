/**
 * The command line. {@link dev.coppice.cli.Main} starts it; a class that ends in Command is one
 * command, and what it finds out and what it prints are apart.
 */
@NullMarked
package dev.coppice.cli;

import org.jspecify.annotations.NullMarked;
