package dev.coppice.graph;

/**
 * An axis of a weight that cannot be cut.
 *
 * @param layer the node that multiplies by the weight
 * @param tensor the weight
 * @param axis which of its axes
 * @param reason what prevents it
 */
public record Frozen(String layer, String tensor, int axis, String reason) {}
