package dev.coppice.spi;

import static dev.coppice.spi.ChunkedSum.CHUNK;

import java.util.ArrayList;
import java.util.List;

/**
 * How the slices of a tensor along an axis are cut into blocks that are added up by themselves, and
 * how their sums become those of the slices (SPEC.md, "Reductions"). A backend adds up blocks in
 * any order.
 */
public final class SumBlocks {
  /** Runs of fewer elements than this are read for many slices at once. */
  private static final int LONG_RUN = 512;

  private final Weights weights;
  private final long slices;
  private final long outer;
  private final long inner;
  private final long chunks;
  private final Cut cut;

  /** How many blocks there are, and the one of an index. */
  private interface Cut {
    long count();

    SumBlock at(long index);

    /** Gives the most elements that a block has. */
    long most();
  }

  /**
   * Cuts a tensor.
   *
   * @param bytes the size of a block; one chunk of one slice may exceed it
   * @param stridedBytes the same where a block is many runs of memory
   */
  public SumBlocks(Weights weights, int axis, int bytes, int stridedBytes) {
    this.weights = weights;
    this.slices = weights.shape().dimension(axis);
    this.outer = weights.shape().before(axis);
    this.inner = weights.shape().after(axis);
    this.chunks = Regions.ceilDiv(outer * inner, CHUNK);
    long most = bytes / weights.dtype().bytes();
    long strided = stridedBytes / weights.dtype().bytes();
    if (outer == 1 && inner <= most) {
      this.cut = new WholeSlices(most / Math.max(1, inner));
    } else if (outer > 1 && inner < LONG_RUN) {
      this.cut = new Together(strided);
    } else {
      this.cut = new OneSlice(Math.max(1, most / CHUNK));
    }
  }

  /** Gives how many blocks there are. */
  public long count() {
    return chunks == 0 ? 0 : cut.count();
  }

  /** Gives the block of an index below it. */
  public SumBlock at(long index) {
    return cut.at(index);
  }

  /** Gives the most bytes that a block has. */
  public int mostBytes() {
    return Math.toIntExact(cut.most() * weights.dtype().bytes());
  }

  /**
   * Gives room for the sums of all chunks, slice by slice.
   *
   * @throws IllegalArgumentException if they are more than an array can hold
   */
  public double[] room() {
    if (slices > Integer.MAX_VALUE / Math.max(1, chunks)) {
      throw new IllegalArgumentException(
          "%d slices of %d elements are too many to add up".formatted(slices, outer * inner));
    }
    return new double[(int) (slices * chunks)];
  }

  /** Puts a block's sums, row by row, where they belong among all. */
  public void put(SumBlock block, double[] sums, double[] all) {
    int each = block.chunks();
    for (int r = 0; r < block.rows(); r++) {
      long at = (block.slice() + r) * chunks + block.chunk();
      System.arraycopy(sums, r * each, all, (int) at, each);
    }
  }

  /** Adds up each slice's chunks in order. */
  public double[] slices(double[] all) {
    double[] sums = new double[Math.toIntExact(slices)];
    for (int s = 0; s < sums.length; s++) {
      for (int c = 0; c < chunks; c++) {
        sums[s] += all[(int) (s * chunks + c)];
      }
    }
    return sums;
  }

  /** Slices that are contiguous, many in a block. */
  private final class WholeSlices implements Cut {
    private final long each;

    WholeSlices(long each) {
      this.each = each;
    }

    @Override
    public long most() {
      return Math.min(each, slices) * inner;
    }

    @Override
    public long count() {
      return Regions.ceilDiv(slices, each);
    }

    @Override
    public SumBlock at(long index) {
      long slice = index * each;
      int rows = (int) Math.min(each, slices - slice);
      int length = (int) inner;
      Region region = Region.contiguous(weights, slice * inner, rows * length);
      return new SumBlock(List.of(region), 1, rows, length, 0, length, slice, 0);
    }
  }

  /** One chunk of slices that lie between each other, as many of them as fit. */
  private final class Together implements Cut {
    private final long span;
    private final long each;
    private final long strips;

    Together(long most) {
      this.span = Math.min(outer, CHUNK / inner + 2) * inner;
      this.each = Math.max(1, Math.min(slices, most / span));
      this.strips = Regions.ceilDiv(slices, each);
    }

    @Override
    public long most() {
      return each * span;
    }

    @Override
    public long count() {
      return strips * chunks;
    }

    @Override
    public SumBlock at(long index) {
      long chunk = index / strips;
      long slice = index % strips * each;
      long begin = chunk * CHUNK;
      long end = Math.min(begin + CHUNK, outer * inner);
      long first = begin / inner;
      int runs = (int) ((end - 1) / inner - first + 1);
      int rows = (int) Math.min(each, slices - slice);
      long stride = slices * inner;
      Region region =
          new Region(weights, first * stride + slice * inner, runs, (int) (rows * inner), stride);
      int from = (int) (begin - first * inner);
      int to = (int) (end - first * inner);
      return new SumBlock(List.of(region), runs, rows, (int) inner, from, to, slice, chunk);
    }
  }

  /** Some chunks of one slice. */
  private final class OneSlice implements Cut {
    private final long each;
    private final long parts;

    OneSlice(long each) {
      this.each = each;
      this.parts = Regions.ceilDiv(chunks, each);
    }

    @Override
    public long most() {
      return Math.min(each * CHUNK, outer * inner);
    }

    @Override
    public long count() {
      return slices * parts;
    }

    @Override
    public SumBlock at(long index) {
      long slice = index / parts;
      long chunk = index % parts * each;
      long begin = chunk * CHUNK;
      long end = Math.min(begin + each * CHUNK, outer * inner);
      List<Region> regions = new ArrayList<>();
      for (long i = begin; i < end; ) {
        long length = Math.min(inner - i % inner, end - i);
        long first = (i / inner * slices + slice) * inner + i % inner;
        regions.add(Region.contiguous(weights, first, (int) length));
        i += length;
      }
      int length = (int) (end - begin);
      return new SumBlock(regions, 1, 1, length, 0, length, slice, chunk);
    }
  }
}
