@NullMarked
package dev.coppice.formats.report;

import org.jspecify.annotations.NullMarked;
