@NullMarked
package dev.coppice.formats.files;

import org.jspecify.annotations.NullMarked;
