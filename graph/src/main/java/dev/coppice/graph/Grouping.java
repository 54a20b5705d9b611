package dev.coppice.graph;

/** What is the unit that is removed from a convolution with groups. */
enum Grouping {
  /** One group: a channel. */
  NONE,
  /** Many small groups, depthwise ones among them: a group with its inputs and outputs. */
  WHOLE,
  /** Few large groups: the same channel of every group. */
  WITHIN;

  /** Says how a Conv or ConvTranspose with {@code channels} input channels is cut. */
  static Grouping of(Node conv, long channels) {
    long groups = conv.integer("group", 1);
    if (groups == 1) {
      return NONE;
    }
    return conv.op().equals("Conv") && channels / groups > groups ? WITHIN : WHOLE;
  }
}
