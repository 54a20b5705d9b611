/** The contracts that every implementation of the SPI must pass. */
@NullMarked
package dev.coppice.spi;

import org.jspecify.annotations.NullMarked;
