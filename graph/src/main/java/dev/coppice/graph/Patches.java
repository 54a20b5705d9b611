package dev.coppice.graph;

import dev.coppice.graph.Calibration.Activation;
import java.nio.FloatBuffer;
import java.util.List;

/** What a convolution over one or two axes sees at each of its places. */
final class Patches implements Rows {
  /** One axis of the convolution. */
  private record Window(int size, int places, int kernel, int stride, int dilation, int pad) {
    static Window of(Node conv, int axis, int axes, int size, int places, int kernel) {
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
  private final FloatBuffer output;
  private final int[] kept;
  private final int groupOutputs;
  private final int channels;
  private final int groupChannels;
  private final int outputs;
  private final Window high;
  private final Window wide;
  private final long count;

  Patches(Product product, Activation input, Activation output, int[] kept) {
    this.input = input.values();
    this.output = output.values();
    this.kept = kept;
    List<Long> in = input.shape();
    List<Long> out = output.shape();
    List<Long> kernel = product.weight().getDimsList();
    channels = Math.toIntExact(in.get(1));
    groupChannels = channels / product.groups();
    groupOutputs = product.outputs();
    outputs = Math.toIntExact(out.get(1));
    int axes = in.size() - 2;
    high = axes == 1 ? new Window(1, 1, 1, 1, 1, 0) : window(product, 0, axes, in, out, kernel);
    wide = window(product, axes - 1, axes, in, out, kernel);
    count = out.get(0) * high.places * wide.places;
  }

  private static Window window(
      Product product, int axis, int axes, List<Long> in, List<Long> out, List<Long> kernel) {
    int i = axis + 2;
    return Window.of(
        product.node(),
        axis,
        axes,
        Math.toIntExact(in.get(i)),
        Math.toIntExact(out.get(i)),
        Math.toIntExact(kernel.get(i)));
  }

  @Override
  public long count() {
    return count;
  }

  @Override
  public void readInput(long row, int group, double[] into) {
    int x = (int) (row % wide.places);
    int y = (int) (row / wide.places % high.places);
    int image = (int) (row / wide.places / high.places);
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

  @Override
  public void readOutput(long row, int group, double[] into, int at) {
    int places = high.places * wide.places;
    int place = (int) (row % places);
    int image = (int) (row / places);
    for (int i = 0; i < groupOutputs; i++) {
      int channel = kept[group * groupOutputs + i];
      into[at + i] = output.get((image * outputs + channel) * places + place);
    }
  }
}
