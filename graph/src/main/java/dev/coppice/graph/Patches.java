package dev.coppice.graph;

import dev.coppice.graph.Calibration.Activation;
import java.nio.FloatBuffer;
import java.util.List;

/** What a convolution over one or two axes sees at each of its places. */
final class Patches implements Rows {
  /** One axis of the convolution. */
  private record Window(int size, int places, int kernel, int stride, int dilation, int pad) {
    static Window of(Node conv, int axis, int size, int places, int kernel) {
      int stride = at(conv, "strides", axis, 1);
      int dilation = at(conv, "dilations", axis, 1);
      String auto = conv.text("auto_pad", "NOTSET");
      int pad = auto.equals("NOTSET") ? at(conv, "pads", axis, 0) : 0;
      if (auto.startsWith("SAME")) {
        int all = Math.max(0, (places - 1) * stride + (kernel - 1) * dilation + 1 - size);
        pad = auto.equals("SAME_LOWER") ? (all + 1) / 2 : all / 2;
      }
      return new Window(size, places, kernel, stride, dilation, pad);
    }

    private static int at(Node node, String attribute, int index, int otherwise) {
      long[] values = node.integers(attribute);
      return values == null ? otherwise : Math.toIntExact(values[index]);
    }

    /** Gives where the input is read; outside of it, there is zero. */
    int position(int place, int step) {
      return place * stride - pad + step * dilation;
    }
  }

  private final FloatBuffer input;
  private final int channels;
  private final int groupChannels;
  private final Window high;
  private final Window wide;

  /**
   * Looks at what flows into a convolution.
   *
   * @param spatial the sizes of the axes of its output, from the third on
   */
  Patches(Product product, Activation input, List<Long> spatial) {
    this.input = input.values();
    channels = Math.toIntExact(input.shape().get(1));
    groupChannels = channels / product.groups();
    int axes = spatial.size();
    high = axes == 1 ? new Window(1, 1, 1, 1, 1, 0) : window(product, 0, input, spatial);
    wide = window(product, axes - 1, input, spatial);
  }

  private static Window window(Product product, int axis, Activation input, List<Long> spatial) {
    return Window.of(
        product.node(),
        axis,
        Math.toIntExact(input.shape().get(axis + 2)),
        Math.toIntExact(spatial.get(axis)),
        Math.toIntExact(product.weight().getDims(axis + 2)));
  }

  @Override
  public void read(int row, int group, double[] into) {
    int x = row % wide.places;
    int y = row / wide.places % high.places;
    int image = row / wide.places / high.places;
    int at = 0;
    for (int channel = 0; channel < groupChannels; channel++) {
      int plane = (image * channels + group * groupChannels + channel) * high.size;
      for (int i = 0; i < high.kernel; i++) {
        int line = high.position(y, i);
        for (int j = 0; j < wide.kernel; j++) {
          int column = wide.position(x, j);
          boolean inside = line >= 0 && line < high.size && column >= 0 && column < wide.size;
          into[at++] = inside ? input.get((plane + line) * wide.size + column) : 0;
        }
      }
    }
  }
}
