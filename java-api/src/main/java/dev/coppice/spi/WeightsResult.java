package dev.coppice.spi;

/**
 * What was done to one tensor.
 *
 * @param pruned the weights that were pruned, those that were zero before included
 * @param newlyZero the weights that are zero now and were not before
 * @param zeros the weights that are zero now
 * @param nans the weights that are NaN
 */
public record WeightsResult(long pruned, long newlyZero, long zeros, long nans) {}
