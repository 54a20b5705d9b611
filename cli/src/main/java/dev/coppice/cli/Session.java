package dev.coppice.cli;

import dev.coppice.Cancellation;

/**
 * What a command gets from the process it runs in.
 *
 * @param console where it prints
 * @param cancellation what ends it early
 */
record Session(Console console, Cancellation cancellation) {}
