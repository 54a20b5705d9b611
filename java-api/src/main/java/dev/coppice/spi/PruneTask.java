package dev.coppice.spi;

import dev.coppice.Criterion;
import dev.coppice.NanPolicy;
import dev.coppice.Pattern;
import java.util.List;

/**
 * One rule of a plan and the tensors that belong to it.
 *
 * @param weights in the order of positions: by name, as unsigned UTF-8 bytes
 * @param criterion how weights are scored
 * @param pattern which may go; an N:M pattern divides the reduction axis of every tensor
 * @param nan what to do with NaN
 * @param seed of the random criterion
 */
public record PruneTask(
    List<Weights> weights, Criterion criterion, Pattern pattern, NanPolicy nan, long seed) {}
