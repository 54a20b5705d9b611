/** docs/SPEC.md in plain Java: what every other backend is tested against. */
@NullMarked
package dev.coppice.reference;

import org.jspecify.annotations.NullMarked;
