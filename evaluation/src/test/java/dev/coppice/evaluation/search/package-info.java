@org.jspecify.annotations.NullMarked
package dev.coppice.evaluation.search;
