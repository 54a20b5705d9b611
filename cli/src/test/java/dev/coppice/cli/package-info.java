@NullMarked
package dev.coppice.cli;

import org.jspecify.annotations.NullMarked;
