package dev.coppice.graph;

/**
 * An axis of a tensor of weights.
 *
 * @param tensor the tensor's name
 * @param axis which of its axes
 */
public record Slot(String tensor, int axis) {}
